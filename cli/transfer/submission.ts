import { createHash, randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileError } from '../../adapters/file-error.ts';
import type { JobAnswer, SegmentTarget } from '../../core/requests.ts';
import type { MeshFormat } from '../../core/results/meshed-structures.ts';
import type { Service, SubmitBody } from '../api/service.ts';
import type { RunArguments } from '../options.ts';
import { awaitedKey, openAwaitedJobs } from './awaited-jobs.ts';
import { casesFingerprint, packCases } from './pack-cases.ts';
import { openUploadRecords, removeOld, uploadKey } from './upload-records.ts';
import { uploadFile } from './upload-file.ts';

/** What becomes one job: a CT, an archive, a folder of cases, or several CTs packed as one archive. */
export type SubmissionInput = string | readonly string[];

/** How inputs become jobs. */
export interface SubmissionRequest {
  readonly run: RunArguments;
  readonly priority?: 'interactive' | 'bulk' | undefined;
  /** Most that the job may cost by its estimate, USD. */
  readonly maxCostUsd?: number | undefined;
  readonly meshes?: MeshFormat | undefined;
  /** Puts the cases into the viewer of the deployment. */
  readonly publish?: true | undefined;
  /** The caller's own key: the same one with the same file is the same job for a month. */
  readonly idempotencyKey?: string | undefined;
  /** Whether the command stays until the results are there: interrupted in that, the same one finds its job again. */
  readonly waits?: boolean;
  /** Starts another job, whatever an interrupted command has waited for. */
  readonly another?: boolean;
  readonly dataRoot: string;
  readonly signal: AbortSignal;
  readonly onPacked: (packed: { readonly cts: number; readonly leftBehind: number }) => void;
  readonly onUpload: (doneBytes: number, totalBytes: number) => void;
  /** See `UploadRequest`. */
  readonly pauseMs?: number;
}

interface Prepared {
  readonly path: string;
  readonly fileName: string;
  /** Whether `path` was made for the upload. */
  readonly packed: boolean;
}

const ARCHIVE = /\.(zip|tar|tgz|tar\.gz)$/i;

/** A job that was started. */
export interface Submission {
  readonly job: JobAnswer;
  /** Whether it is the job that an interrupted command has waited for. */
  readonly isKnown: boolean;
  /** To be called when the results are there: from now on nobody waits for the job. */
  readonly forget: () => Promise<void>;
  /** Ends the submission: from now on the same input is another job. Until then the same call gives this one again. */
  readonly settle: () => Promise<void>;
}

/**
 * Brings an input to the service and starts its job. Interrupted at any point, the same call goes on where it was and
 * never starts a second job.
 *
 * @throws HpbError what packing, uploading and the service throw; CANCELLED.
 */
export async function submitInput(
  service: Service,
  input: SubmissionInput,
  request: SubmissionRequest,
): Promise<Submission> {
  const packs = typeof input !== 'string' || (await isFolder(input));
  const call = segmentCall(packs || ARCHIVE.test(input), request);
  if (request.idempotencyKey !== undefined) return send(service, input, { ...request, packs, call });
  const awaited = await openAwaitedJobs(join(request.dataRoot, 'client', 'awaited'));
  const files = packs ? await casesFingerprint(input) : await uploadKey(input, '');
  const key = awaitedKey(service.endpoint, files, call);
  const forget = (): Promise<void> => awaited.remove(key);
  const known = request.another === true ? null : await awaited.find(service, key);
  if (known !== null) return { job: known, isKnown: true, forget, settle: async () => undefined };
  const sent = await send(service, input, { ...request, packs, call });
  const settle = async (): Promise<void> => {
    if (request.waits === true) await awaited.add(key, sent.job.jobId);
    await sent.settle();
  };
  return { ...sent, forget, settle };
}

interface Sending extends SubmissionRequest {
  readonly packs: boolean;
  readonly call: SegmentCall;
}

async function send(service: Service, input: SubmissionInput, sending: Sending): Promise<Submission> {
  const { dataRoot, idempotencyKey, signal, pauseMs, call } = sending;
  const prepared = await prepare(input, sending);
  const records = await openUploadRecords(join(dataRoot, 'client', 'uploads'));
  const key = await uploadKey(prepared.path, [service.endpoint, idempotencyKey ?? ''].join('\n'));
  const left = await records.load(key);
  const record = sending.another === true ? { ...left, token: randomUUID() } : left;
  const uploadId = await uploadFile(service, {
    ...prepared,
    record,
    onOpened: (opened) => records.save(key, { ...record, uploadId: opened }),
    onProgress: sending.onUpload,
    signal,
    ...(pauseMs !== undefined && { pauseMs }),
  });
  const body = { ...call.body, uploadId };
  const job = await service.submit(
    call.target,
    body,
    idempotencyKey ?? keyOf(record.token, call.target, body),
  );
  const settle = async (): Promise<void> => {
    // A key of the caller's outlives the command: with it, the same upload must be found again.
    if (idempotencyKey !== undefined) return;
    await records.remove(key);
    if (prepared.packed) await rm(prepared.path, { force: true });
  };
  return { job, isKnown: false, forget: async () => undefined, settle };
}

async function prepare(input: SubmissionInput, { packs, dataRoot, onPacked }: Sending): Promise<Prepared> {
  if (typeof input === 'string' && !packs) return { path: input, fileName: basename(input), packed: false };
  const folder = join(dataRoot, 'client', 'packed');
  await removeOld(folder);
  const { path, ...facts } = await packCases(input, folder);
  onPacked(facts);
  const name = typeof input === 'string' ? basename(resolve(input)) : 'cases';
  return { path, fileName: `${name}.zip`, packed: true };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw fileError(error);
  }
}

/** What the service is asked, but for the upload. */
interface SegmentCall {
  readonly target: SegmentTarget;
  readonly body: Omit<SubmitBody, 'uploadId'>;
}

function segmentCall(
  batch: boolean,
  { run, meshes, priority, maxCostUsd, publish }: SubmissionRequest,
): SegmentCall {
  const { model, fast, folds, tta } = run;
  const options = {
    fast,
    folds: [...folds],
    tta,
    ...(priority !== undefined && { priority }),
    ...(meshes !== undefined && { meshes }),
    ...(maxCostUsd !== undefined && { maxCostUsd }),
    ...(publish && { publish }),
  };
  if (batch)
    return { target: 'batch', body: { ...options, model: model as NonNullable<SubmitBody['model']> } };
  // `--model` takes what the catalogue knows, and each of it is a target.
  return { target: model as SegmentTarget, body: options };
}

/** One job for one upload with one set of options, however often it is asked for. */
function keyOf(token: string, target: SegmentTarget, body: SubmitBody): string {
  return createHash('sha256')
    .update(JSON.stringify([token, target, body]))
    .digest('hex');
}
