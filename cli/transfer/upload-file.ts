import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { fileError } from '../../adapters/file-error.ts';
import { noFileError } from '../../adapters/input-file.ts';
import { HpbError } from '../../core/errors.ts';
import type { UploadId } from '../../core/layout.ts';
import type { UploadAnswer } from '../../core/requests.ts';
import { sendPieces } from '../../core/upload-pieces.ts';
import type { Service } from '../api/service.ts';
import { sendBytes, type SendOutcome } from './send-bytes.ts';
import type { UploadRecord } from './upload-records.ts';

/** A file to be brought to the service. */
export interface UploadRequest {
  readonly path: string;
  /** Name that the service is told. */
  readonly fileName: string;
  /** What an earlier try has left. */
  readonly record: UploadRecord;
  /** Told as soon as the service has opened an upload. */
  readonly onOpened: (uploadId: string) => Promise<void>;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal | undefined;
  /** Parts under way at once, default 4. */
  readonly parallel?: number;
  /** Pauses of the parts; see `SendRequest`. */
  readonly pauseMs?: number;
}

/**
 * Uploads a file, in parts when the service says so, and goes on with what an earlier try has brought there.
 *
 * @returns the id of the complete upload.
 * @throws HpbError INPUT_*, CANCELLED, SERVICE_UNREACHABLE (what has arrived is kept), and what the service refuses.
 */
export async function uploadFile(service: Service, request: UploadRequest): Promise<UploadId> {
  const before = await factsOf(request.path);
  if (before.size === 0n) throw emptyFile();
  let answer = await resumed(service, request.record.uploadId);
  if (answer?.sizeBytes !== Number(before.size)) answer = null;
  if (answer === null) {
    const sha256 = await sha256Of(request.path, request.signal);
    const sizeBytes = Number(before.size);
    answer = await service.openUpload({ fileName: request.fileName, sizeBytes, sha256 });
    await request.onOpened(answer.uploadId);
  }
  await sendAll(service, request, answer);
  const after = await factsOf(request.path);
  if (after.size !== before.size || after.mtimeNs !== before.mtimeNs)
    throw new HpbError('INPUT_VANISHED', 'The file changed while it was uploaded.', {
      remedy: 'Wait until it is completely written, leave it in place, and start again.',
    });
  return (await service.completeUpload(answer.uploadId)).uploadId;
}

/** The upload that an earlier try has begun; null when the service knows it no more. */
async function resumed(service: Service, uploadId: string | null): Promise<UploadAnswer | null> {
  if (uploadId === null) return null;
  try {
    return await service.uploadParts(uploadId);
  } catch (error) {
    if (error instanceof HpbError && error.code === 'UPLOAD_NOT_FOUND') return null;
    throw error;
  }
}

async function sendAll(service: Service, request: UploadRequest, opened: UploadAnswer): Promise<void> {
  const { path, pauseMs, parallel = 4, onProgress, signal } = request;
  const failure = await sendPieces<FailedSend>(opened, {
    parallel,
    onProgress,
    signal,
    sign: (uploadId) => service.uploadParts(uploadId),
    send: async (piece, { signal: stop, onSent }) => {
      const outcome = await sendBytes({ ...piece, path, pauseMs, signal: stop, onProgress: onSent });
      return outcome.outcome === 'sent' || (opened.put !== null && isThere(outcome)) ? null : outcome;
    },
  });
  if (failure !== null) throw gaveUp(service.endpoint, failure);
}

type FailedSend = Exclude<SendOutcome, { readonly outcome: 'sent' }>;

/** Whether the store refused because it has the bytes: the answer to an earlier try was lost. */
const isThere = (failure: FailedSend): boolean =>
  failure.outcome === 'refused' && (failure.status === 409 || failure.status === 412);

function gaveUp(endpoint: string, failure: FailedSend): HpbError {
  const reason =
    failure.outcome === 'refused' ? `the store refuses them (HTTP ${failure.status})` : failure.reason;
  return new HpbError('SERVICE_UNREACHABLE', `The bytes do not reach the store of ${endpoint}: ${reason}.`, {
    remedy: 'Run the same command again when the network is back: what has arrived is kept.',
  });
}

function emptyFile(): HpbError {
  return new HpbError('INPUT_UNREADABLE', 'The file is empty (0 bytes).', {
    remedy: 'Copy it again and compare its size with the original.',
  });
}

async function factsOf(path: string): Promise<{ readonly size: bigint; readonly mtimeNs: bigint }> {
  try {
    const facts = await stat(path, { bigint: true });
    if (!facts.isFile()) throw noFileError();
    return facts;
  } catch (error) {
    throw fileError(error);
  }
}

async function sha256Of(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  try {
    const file = createReadStream(path, { highWaterMark: 1 << 20, signal });
    for await (const chunk of file) hash.update(chunk as Buffer);
  } catch (error) {
    if (signal?.aborted === true)
      throw new HpbError('CANCELLED', 'Interrupted before the upload began.', { remedy: 'Start again.' });
    throw fileError(error);
  }
  return hash.digest('hex');
}
