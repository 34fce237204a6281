import { HpbError } from '../../core/errors.ts';
import {
  caseFileKey,
  caseInputKey,
  caseIdOf,
  caseResultKey,
  caseZipKey,
  type CaseId,
  type JobId,
  type UploadId,
} from '../../core/layout.ts';
import type { FoundCase, IntakeReport } from '../../core/ports.ts';
import type { SegmentTarget, SubmitRequest } from '../../core/requests.ts';
import type { CaseSummary } from '../../core/results/case-summary.ts';
import type { CaseResult } from '../../core/shard.ts';
import { submitJob } from '../../core/use-cases/submit-job.ts';
import { openUpload } from '../../core/use-cases/uploads.ts';
import type { ServiceFakes } from './service-fakes.ts';

/** Links of answers in tests. */
export const LINKS = { baseUrl: 'http://service', events: false } as const;

/** A complete upload of so many bytes; returns its id. */
export async function uploadOf(ports: ServiceFakes, bytes = 10, fileName = 'cases.zip'): Promise<UploadId> {
  const { uploadId, put } = await openUpload(ports, { fileName, sizeBytes: bytes });
  await ports.links.send(put!, new Uint8Array(bytes));
  return uploadId;
}

/** A submitted job; returns its id. */
export async function submittedJob(
  ports: ServiceFakes,
  options: {
    readonly target?: SegmentTarget;
    readonly body?: Partial<SubmitRequest>;
    readonly bytes?: number;
  } = {},
): Promise<JobId> {
  const { target = 'batch', body = {}, bytes } = options;
  const uploadId = body.uploadId ?? (await uploadOf(ports, bytes));
  const { job } = await submitJob(ports, { target, body: { ...body, uploadId }, baseUrl: LINKS.baseUrl });
  return job.jobId;
}

const GRID = { dims: [64, 64, 40], affine: [3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1] } as const;

/** A case as the intake finds it; `error`: the code with which it is refused. */
export function foundCase(jobId: JobId, ordinal: number, error?: HpbError['code']): FoundCase {
  const caseId = caseIdOf(ordinal);
  const refusal = error === undefined ? null : new HpbError(error, 'Bad.', { remedy: 'Mend.' }).toDocument();
  return {
    caseId,
    name: `patient ${ordinal}`,
    key: refusal === null ? caseInputKey(jobId, caseId) : null,
    bytes: 1_000,
    grid: refusal === null ? GRID : null,
    error: refusal,
  };
}

/** What an intake reports. */
export function reportOf(cases: readonly FoundCase[]): IntakeReport {
  return {
    kind: 'archive',
    sha256: 'a'.repeat(64),
    bytes: 10,
    cases,
    ignored: [{ name: '__MACOSX', reason: 'not a case' }],
    ignoredCount: 1,
  };
}

/** Stores what a worker stores of a case: files, ZIP and result.json. */
export async function storeResult(
  ports: ServiceFakes,
  jobId: JobId,
  caseId: CaseId,
  {
    attempt = 1,
    error,
    summary,
  }: {
    readonly attempt?: number;
    readonly error?: HpbError['code'];
    readonly summary?: CaseSummary;
  } = {},
): Promise<void> {
  const meta = JSON.stringify({ case_id: caseId, liver_seconds: 1, task008_seconds: 2, timestamp: 3 });
  const documents = error === undefined ? { 'meta.json': meta, 'liver.nii.gz': 'mask' } : {};
  const files: CaseResult['files'] = [];
  for (const [name, text] of Object.entries(documents)) {
    const { key, bytes } = await ports.store.put(caseFileKey(jobId, caseId, name), text);
    files.push({ name, key, bytes, sha256: ports.ids.sha256(text) });
  }
  const zip = error === undefined ? await ports.store.put(caseZipKey(jobId, caseId), 'zip') : null;
  const result: CaseResult = {
    layoutVersion: 1,
    jobId,
    caseId,
    attempt,
    outcome: error === undefined ? 'succeeded' : 'failed',
    error: error === undefined ? null : new HpbError(error, 'It failed.', { remedy: 'Look.' }).toDocument(),
    fingerprint: 'f',
    demo: true,
    files,
    zip: zip === null ? null : { key: zip.key, bytes: zip.bytes, sha256: ports.ids.sha256('zip') },
    seconds: 12,
    ...(summary && { summary }),
  };
  await ports.store.put(caseResultKey(jobId, caseId), JSON.stringify(result));
}
