import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HpbError } from '../core/errors.ts';
import { JOB_FILES, type JobFile } from '../core/layout.ts';
import type { JobAnswer, ResultAnswer } from '../core/requests.ts';
import { prepareFolder } from '../local/export-case.ts';
import type { Service } from './api/service.ts';
import { downloadResult } from './transfer/download-result.ts';
import { copyToS3, type S3Folder } from './transfer/s3-folder.ts';
import { unpackResult } from './transfer/unpack-result.ts';

/** Where results go. */
export interface FetchRequest {
  /** Folder; null when they go to S3 only. */
  readonly out: string | null;
  readonly unpack: boolean;
  /** The bucket is the caller's own, and so is the layout: a folder a job, no name of a patient in a key. */
  readonly to: S3Folder | null;
  readonly region: string | undefined;
  /** Below it, files lie for a moment that go to S3 only. */
  readonly dataRoot: string;
  readonly signal: AbortSignal;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

/** A result that was fetched. */
export interface FetchedResult {
  readonly jobId: string;
  /** Null for what is of the whole job. */
  readonly caseId: string | null;
  readonly bytes: number;
  readonly sha256: string;
  /** The file here, a ZIP but for index and table of a job; null when it went to S3 only. */
  readonly file: string | null;
  /** Where it was unpacked. */
  readonly folder: string | null;
  /** Its `s3://` URL. */
  readonly url: string | null;
}

/**
 * Fetches the ZIP of one case or of a whole job; of a job that is too large for one ZIP, the ZIP of each case, its
 * index and its table.
 *
 * @throws HpbError what `downloadResult`, `unpackResult` and `copyToS3` throw, JOB_NOT_FINISHED, RESULT_NOT_FOUND.
 */
export async function fetchJob(
  service: Service,
  { jobId, caseId }: { readonly jobId: string; readonly caseId?: string | undefined },
  request: FetchRequest,
): Promise<readonly FetchedResult[]> {
  try {
    return [await fetchOne(service, { jobId, caseId: caseId ?? null }, request)];
  } catch (error) {
    const isSplit = caseId === undefined && error instanceof HpbError && error.code === 'RESULT_NOT_FOUND';
    if (!isSplit) throw error;
    const cases = withResult(await service.job(jobId));
    if (cases.length === 0) throw error;
    const fetched: FetchedResult[] = [];
    for (const one of cases) fetched.push(await fetchOne(service, { jobId, caseId: one }, request));
    return [...fetched, ...(await fetchIndex(service, jobId, request))];
  }
}

const withResult = ({ cases }: JobAnswer): readonly string[] =>
  cases.filter(({ state }) => state === 'succeeded').map(({ caseId }) => caseId);

async function fetchOne(
  service: Service,
  { jobId, caseId }: Pick<FetchedResult, 'jobId' | 'caseId'>,
  request: FetchRequest,
): Promise<FetchedResult> {
  const link = (): Promise<ResultAnswer> => service.result(jobId, caseId ?? undefined);
  return inFolder(request, async (out) => {
    const { path, bytes, sha256 } = await downloadResult({ link, ...request, out });
    const name = caseId === null ? 'results.zip' : `${caseId}_results.zip`;
    const url = request.to === null ? null : await copyToS3(path, request.to, `${jobId}/${name}`, request);
    const file = request.out === null ? null : path;
    const folder = request.unpack && file !== null ? await unpackResult(file) : null;
    return { jobId, caseId, bytes, sha256, file, folder, url };
  });
}

/** Index and table of a batch; nothing where it ended without being published, as one that was stopped. */
async function fetchIndex(
  service: Service,
  jobId: string,
  request: FetchRequest,
): Promise<readonly FetchedResult[]> {
  try {
    return await Promise.all(JOB_FILES.map((name) => fetchJobFile(service, { jobId, name }, request)));
  } catch (error) {
    if (error instanceof HpbError && error.code === 'RESULT_NOT_FOUND') return [];
    throw error;
  }
}

async function fetchJobFile(
  service: Service,
  { jobId, name }: { readonly jobId: string; readonly name: JobFile },
  request: FetchRequest,
): Promise<FetchedResult> {
  return inFolder(request, async (out) => {
    const link = (): Promise<ResultAnswer> => service.jobFile(jobId, name);
    const { path, bytes, sha256 } = await downloadResult({ link, ...request, out });
    const url = request.to === null ? null : await copyToS3(path, request.to, `${jobId}/${name}`, request);
    return {
      jobId,
      caseId: null,
      bytes,
      sha256,
      file: request.out === null ? null : path,
      folder: null,
      url,
    };
  });
}

async function inFolder<T>({ out, dataRoot }: FetchRequest, use: (folder: string) => Promise<T>): Promise<T> {
  if (out !== null) return use(out);
  const parent = join(dataRoot, 'client');
  await prepareFolder(parent);
  const folder = await mkdtemp(join(parent, 'fetch-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
