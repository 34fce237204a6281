import { z } from 'zod';
import { HpbError } from '../errors.ts';
import { isFinal, type JobDocument } from '../job.ts';
import {
  executionName,
  isJobId,
  jobManifestKey,
  jobZipKey,
  LAYOUT_VERSION,
  shardFailuresPrefix,
  shardsPrefix,
} from '../layout.ts';
import { mapLimited } from '../map-limited.ts';
import type { Bundler } from '../ports.ts';
import { batchReceiptText } from '../results/batch-receipt.ts';
import { withoutName } from '../results/case-summary.ts';
import {
  batchManifestText,
  folderNames,
  outcomeOf,
  type JobManifest,
  type JobOutcome,
} from '../results/job-manifest.ts';
import { RECEIPT_FILE, type ReceiptFile } from '../results/receipt.ts';
import type { CaseResult } from '../shard.ts';
import { publishedOutcome, type PublishedJob } from '../workflow.ts';
import { batchIndex, putBatchIndex } from './batch-index.ts';
import { announceOnce, endJob, recordEvent } from './finish-job.ts';
import { gatherOutcomes, type CaseEnd } from './gather-outcomes.ts';
import { findCases } from './job-cases.ts';
import { findJob } from './job-request.ts';
import type { ServicePorts } from './service-ports.ts';
import { documentText, parsePayload, readDocument } from './stored-document.ts';
import { publishToViewer } from './publish-job-cases.ts';
import { shardFailure } from './record-shard-failure.ts';
import { withLog, workerLogAddress } from './worker-log-address.ts';

/** Payload of PublishResults and ConfirmResults; the worker that publishes gives no phase. */
const publishInput = z.object({
  phase: z.enum(['publish', 'confirm']).default('publish'),
  jobId: z.string().refine(isJobId, 'not a job id'),
  attempt: z.int().min(1),
});

/** What publishing needs: that of a function, and of the worker that does it for large results. */
export type PublishPorts = Pick<
  ServicePorts,
  | 'store'
  | 'index'
  | 'bundler'
  | 'metrics'
  | 'clock'
  | 'log'
  | 'limits'
  | 'onFinished'
  | 'viewer'
  | 'workerLogs'
>;

/** meta.json of a case; only that it is an object matters. */
const metaDocument = z.record(z.string(), z.unknown());
const READ_AT_ONCE = 16;
/** Up to here the ZIP of a case is read as a whole. */
const WHOLE_ZIP_BYTES = 2 ** 20;

type BundleMember = Parameters<Bundler['bundle']>[1][number];

/**
 * Gathers how every case ended, writes manifest and ZIP, and ends the job. It may run twice, or begin again half-way:
 * the job's end is its last write. A job that has ended already (cancelled, or by an earlier run of this) stays as it is.
 */
export async function publishResults(ports: PublishPorts, payload: unknown): Promise<PublishedJob> {
  const { phase, jobId, attempt } = parsePayload(publishInput, payload);
  const job = await findJob(ports.index, jobId);
  if (job.attempt !== attempt) throw attemptIsOver(job, attempt);
  if (isFinal(job.state)) {
    await announceOnce(ports, job);
    return summaryOf(ports, job);
  }
  if (phase === 'confirm') {
    throw new HpbError('WORKFLOW_FAILED', 'The worker that publishes ended without having published.', {
      remedy: 'Retry the job: finished cases are kept.',
    });
  }
  await recordEvent(ports, jobId, { event: 'publish', attempt });
  return summaryOf(ports, await publish(ports, job));
}

async function publish(ports: PublishPorts, job: JobDocument): Promise<JobDocument> {
  const { jobId, attempt } = job;
  const cases = await findCases(ports.store, jobId);
  if (cases === null) {
    throw new HpbError('WORKFLOW_FAILED', 'The job has no cases to publish: its upload was never taken in.', {
      remedy: 'Retry the job.',
    });
  }
  const ends = await gatherOutcomes(ports, job, cases);
  const outcome = outcomeOf(ends.map(({ entry }) => entry));
  const zip = await jobZip(ports, job, ends);
  if (zip !== null) await replaceZip(ports, job, zip);
  const manifest: JobManifest = {
    layoutVersion: LAYOUT_VERSION,
    jobId,
    attempt,
    state: outcome.state,
    error: outcome.error,
    inputSha256: cases.sha256,
    cases: ends.map(({ entry }) => entry),
  };
  await ports.store.put(jobManifestKey(jobId), documentText(manifest));
  await publishToViewer(ports, job, ends);
  await putCaseMetrics(ports, job, ends);
  return endJob(ports, jobId, finishEvent(attempt, outcome, zip));
}

/**
 * A new ZIP has taken the place of that of an earlier attempt: the job tells its checksum at once, since it may be cancelled
 * or fail before it has ended with it.
 */
async function replaceZip(
  { index }: Pick<PublishPorts, 'index'>,
  { jobId, attempt }: JobDocument,
  zip: NonNullable<JobDocument['zip']>,
): Promise<void> {
  await index.update(jobId, (latest) =>
    latest.zip === null || latest.attempt !== attempt ? null : { ...latest, zip },
  );
}

function finishEvent(attempt: number, { state, counts, error }: JobOutcome, zip: JobDocument['zip']) {
  return { event: 'finish', attempt, state, counts, zip, error } as const;
}

/**
 * The ZIP of all results: that of the only case as it is, or a new one; null when there is none to make. Results too
 * large for one ZIP stay a ZIP a case, with their index beside them.
 */
async function jobZip(
  ports: PublishPorts,
  { jobId, batch }: JobDocument,
  ends: readonly CaseEnd[],
): Promise<JobDocument['zip']> {
  if (!batch) return ends[0]?.result?.zip ?? null;
  const bytes = ends.reduce((sum, { entry }) => sum + entry.bytes, 0);
  const any = ends.some(({ result }) => result !== null);
  if (!any) return null;
  if (bytes > ports.limits.maxZipBytes) {
    await putBatchIndex(ports.store, jobId, ends);
    return null;
  }
  const key = jobZipKey(jobId);
  return { key, ...(await ports.bundler.bundle(key, await membersOf(ports, jobId, ends))) };
}

async function membersOf(
  { store }: Pick<ServicePorts, 'store'>,
  batchId: string,
  ends: readonly CaseEnd[],
): Promise<readonly BundleMember[]> {
  const folders = folderNames(ends.map(({ entry }) => entry));
  const withResult = ends.flatMap(({ entry, result }) => (result === null ? [] : [{ entry, result }]));
  const succeeded = await mapLimited(withResult, READ_AT_ONCE, async ({ entry, result }) => ({
    name: entry.name,
    meta: result.summary?.meta ?? (await metaIn(store, result)),
  }));
  const failed = ends.flatMap(({ entry: { name, error } }) => (error === null ? [] : [{ name, error }]));
  const folderOf = ({ caseId }: CaseEnd['entry']): string => folders.get(caseId)!;
  const texts = {
    'manifest.json': batchManifestText({ batchId, succeeded, failed }),
    ...(await batchIndex(store, { batchId, ends, folders })),
  };
  const receipts = withResult.flatMap(({ entry, result: { files } }) =>
    files
      .filter(({ name }) => name === RECEIPT_FILE)
      .map((file) => ({ ...file, name: `${folderOf(entry)}/${file.name}` })),
  );
  const own = await Promise.all(Object.entries(texts).map(([name, text]) => receiptFileOf(name, text)));
  const receipt = batchReceiptText(batchId, [...own, ...receipts]);
  return [
    ...withResult.flatMap(({ entry, result }) => caseMembers(folderOf(entry), result)),
    ...Object.entries({ ...texts, [RECEIPT_FILE]: receipt }).map(([name, text]) => ({
      name,
      source: { text },
    })),
  ];
}

/** All files of a case in its folder; those of a small case as they lie in its ZIP, which is read at once. */
function caseMembers(folder: string, { files, zip }: CaseResult): readonly BundleMember[] {
  if (zip !== null && zip.bytes <= WHOLE_ZIP_BYTES)
    return [{ name: folder, source: { zip: zip.key, bytes: zip.bytes } }];
  return files.map(({ name, key, bytes }) => ({ name: `${folder}/${name}`, source: { key, bytes } }));
}

async function receiptFileOf(name: string, text: string): Promise<ReceiptFile> {
  const bytes = new TextEncoder().encode(text);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { name, bytes: bytes.length, sha256: hex };
}

/** Of a result that has no summary. */
async function metaIn(
  store: Pick<ServicePorts['store'], 'get'>,
  { files }: CaseResult,
): Promise<Readonly<Record<string, unknown>>> {
  const meta = files.find(({ name }) => name === 'meta.json');
  return meta === undefined ? {} : withoutName(readMeta(await store.get(meta.key)));
}

function readMeta(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return metaDocument.parse(JSON.parse(new TextDecoder().decode(body)));
  } catch (cause) {
    throw new HpbError('DOCUMENT_UNREADABLE', 'The meta.json of a case is not a JSON object.', {
      remedy: 'Retry the job; report this if it happens again.',
      cause,
    });
  }
}

/** Times of the cases that this attempt has run, and why others have no result. */
async function putCaseMetrics(
  { metrics }: Pick<ServicePorts, 'metrics'>,
  { attempt }: JobDocument,
  ends: readonly CaseEnd[],
): Promise<void> {
  const run = ends.flatMap(({ result }) => (result?.attempt === attempt ? [result] : []));
  const failed = ends.flatMap(({ entry: { error } }) => (error === null ? [] : [error.code]));
  await metrics.put([
    ...run.map(({ seconds }) => ({ name: 'CaseSeconds' as const, value: seconds })),
    ...failed.map((Code) => ({ name: 'CaseErrors' as const, value: 1, dimensions: { Code } })),
  ]);
}

async function summaryOf(ports: LogPorts, job: JobDocument): Promise<PublishedJob> {
  const { jobId, attempt, state, counts, error, zip, endedAt } = job;
  const log = await firstFailureLog(ports, job);
  const { total, succeeded, failed } = counts ?? { total: 0, succeeded: 0, failed: 0 };
  return {
    jobId,
    attempt,
    outcome: publishedOutcome.parse(state),
    cases: total,
    succeeded,
    failed,
    code: error?.code ?? '',
    message: error === null ? '' : withLog(error.message, log),
    manifestKey: jobManifestKey(jobId),
    zipKey: zip?.key ?? '',
    seconds: ((endedAt ?? 0) - job.attempts.at(-1)!.startedAt) / 1000,
    log,
  };
}

type LogPorts = Pick<ServicePorts, 'store' | 'workerLogs'>;

/**
 * Of one shard alone: the output of an execution is bounded. Those of others stand in their own executions. Where no
 * shard failed, the workers of cases without a result ended well, and nothing says which they were.
 */
async function firstFailureLog({ store, workerLogs }: LogPorts, job: JobDocument): Promise<string> {
  const { jobId, attempt, counts } = job;
  if (workerLogs === undefined || (counts?.failed ?? 0) === 0) return '';
  const ofJob = workerLogAddress(workerLogs, jobId, undefined);
  try {
    const [first] = await store.list(shardFailuresPrefix(jobId, attempt), { limit: 1 });
    if (first !== undefined) return (await readDocument(store, first.key, shardFailure)).log ?? ofJob;
    const [shard] = await store.list(shardsPrefix(jobId, attempt), { limit: 1 });
    return shard === undefined ? '' : ofJob;
  } catch {
    // The job has ended: an address is no reason to fail its execution.
    return ofJob;
  }
}

function attemptIsOver({ jobId, state }: JobDocument, attempt: number): HpbError {
  return new HpbError(
    'JOB_FINISHED',
    `${executionName(jobId, attempt)} is not the job's attempt any more (${state}).`,
    {
      remedy: 'Nothing is to be done: the job says how it stands.',
    },
  );
}
