import { HpbError } from '../core/errors.ts';
import type { UploadId } from '../core/layout.ts';
import { sendPieces, type UploadPiece } from '../core/upload-pieces.ts';
import { api, refusal, unreachable } from './api.ts';

/** What `uploadFile` needs of a page. */
export interface UploadOptions {
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  readonly signal: AbortSignal;
}

const PARTS_AT_ONCE = 3;
/** What a browser sets itself and lets nobody else set. */
const BROWSER_HEADERS: ReadonlySet<string> = new Set(['content-length', 'host']);

/**
 * Brings a file to the service through its signed requests, in parts when it says so; parts that do not arrive are
 * signed and sent again.
 *
 * @returns the id of the complete upload.
 * @throws HpbError of the service; CANCELLED; INPUT_VANISHED when the file changes meanwhile; SERVICE_UNREACHABLE when
 * several rounds bring nothing.
 */
export async function uploadFile(file: File, { onProgress, signal }: UploadOptions): Promise<UploadId> {
  const opened = await api.openUpload(file.name, file.size);
  const failure = await sendPieces<HpbError>(opened, {
    parallel: PARTS_AT_ONCE,
    onProgress,
    signal,
    sign: (uploadId) => api.uploadParts(uploadId),
    send: (piece, call) => sendPiece(file, piece, call),
  });
  if (failure !== null) throw failure;
  requireWanted(signal);
  return (await api.completeUpload(opened.uploadId)).uploadId;
}

/** Throws CANCELLED when nobody wants what goes on any more. */
export function requireWanted(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled();
}

/** XMLHttpRequest, since fetch tells no progress. */
function sendPiece(
  file: File,
  { start, bytes, request: { method, url, headers } }: UploadPiece,
  { signal, onSent }: { readonly signal: AbortSignal; readonly onSent: (bytes: number) => void },
): Promise<HpbError | null> {
  return new Promise((resolve, reject) => {
    // A signal that was aborted before tells nobody.
    if (signal.aborted) return reject(cancelled());
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers))
      if (!BROWSER_HEADERS.has(name.toLowerCase())) request.setRequestHeader(name, value);
    request.upload.addEventListener('progress', ({ loaded }) => onSent(loaded));
    request.addEventListener('error', () => {
      // A browser reads no file that is not as it was chosen any more, and tells that as it tells a lost connection.
      const first = file.slice(start, start + 1).arrayBuffer();
      first.then(
        () => resolve(unreachable()),
        () => reject(changed()),
      );
    });
    request.addEventListener('abort', () => reject(cancelled()));
    request.addEventListener('load', () => {
      const { status } = request;
      // 412: an earlier try has brought it, and its answer was lost.
      if ((status >= 200 && status < 300) || status === 412) return resolve(null);
      return resolve(refusal({ status, json: async () => JSON.parse(request.responseText) as unknown }));
    });
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(file.slice(start, start + bytes));
  });
}

function changed(): HpbError {
  return new HpbError('INPUT_VANISHED', 'The file changed or went away before it was sent.', {
    remedy: 'Wait until it is completely written, and choose it again.',
  });
}

function cancelled(): HpbError {
  return new HpbError('CANCELLED', 'The upload was cancelled.', { remedy: 'Choose the file again.' });
}
