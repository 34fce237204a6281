import { HpbError } from '../core/errors.ts';
import type { UploadId } from '../core/layout.ts';
import { sendPieces, type UploadPiece } from '../core/upload-pieces.ts';
import { api, refusal, unreachable } from './api.ts';

/** What `uploadFile` needs of a page. */
export interface UploadOptions {
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  /** The service does not answer; it is asked again for a while. */
  readonly onSilence: () => void;
  readonly signal: AbortSignal;
}

const PARTS_AT_ONCE = 3;
const ASK_AGAIN_MS = 2_000;
/** A service that restarts is back by then. */
const MOST_ASKED = 30;
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
export async function uploadFile(file: File, options: UploadOptions): Promise<UploadId> {
  const { onProgress, signal } = options;
  const opened = await api.openUpload(file.name, file.size);
  const failure = await sendPieces<HpbError>(opened, {
    parallel: PARTS_AT_ONCE,
    onProgress,
    signal,
    sign: (uploadId) => answered(() => api.uploadParts(uploadId), options),
    send: (piece, call) => sendPiece(file, piece, call),
  });
  if (failure !== null) throw failure;
  requireWanted(signal);
  return (await answered(() => api.completeUpload(opened.uploadId), options)).uploadId;
}

/** What a call answers once the service does. */
async function answered<T>(call: () => Promise<T>, { onSilence, signal }: UploadOptions): Promise<T> {
  for (let asked = 1; ; asked += 1) {
    try {
      return await call();
    } catch (thrown) {
      const isSilent = thrown instanceof HpbError && thrown.code === 'SERVICE_UNREACHABLE';
      if (!isSilent || asked >= MOST_ASKED) throw thrown;
      onSilence();
      await pause(signal);
      requireWanted(signal);
    }
  }
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ASK_AGAIN_MS);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
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
