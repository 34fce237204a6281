import { HpbError } from '../core/errors.ts';
import type { UploadId } from '../core/layout.ts';
import type { UploadAnswer } from '../core/requests.ts';
import { api, refusal, unreachable } from './api.ts';

type Signed = NonNullable<UploadAnswer['put']>;

/** A stretch of the file and the signed request that takes it. */
interface Piece {
  readonly start: number;
  readonly bytes: number;
  readonly request: Signed;
}

/** What `uploadFile` needs of a page. */
export interface UploadOptions {
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  readonly signal: AbortSignal;
  /** Sends one piece; replaced in tests. */
  readonly send?: typeof sendPiece;
}

const PARTS_AT_ONCE = 3;
const IDLE_ROUNDS = 3;
/** What a browser sets itself and lets nobody else set. */
const BROWSER_HEADERS: ReadonlySet<string> = new Set(['content-length', 'host']);

/**
 * Brings a file to the service through its signed requests, in parts when it says so; parts that do not arrive are
 * signed and sent again.
 *
 * @returns the id of the complete upload.
 * @throws HpbError of the service; CANCELLED; SERVICE_UNREACHABLE when several rounds bring nothing.
 */
export async function uploadFile(file: File, options: UploadOptions): Promise<UploadId> {
  let answer = await api.openUpload(file.name, file.size);
  for (let idle = 0; ;) {
    const pieces = piecesOf(answer);
    if (pieces.length === 0) break;
    const { sent, failure } = await sendRound(file, { answer, pieces, options });
    if (options.signal.aborted) throw cancelled();
    if (failure === null && answer.put !== null) break;
    idle = sent > 0 ? 0 : idle + 1;
    if (failure !== null && idle >= IDLE_ROUNDS) throw failure;
    // An answer names a limited number of parts, and signatures expire.
    answer = await api.uploadParts(answer.uploadId);
  }
  return (await api.completeUpload(answer.uploadId)).uploadId;
}

function piecesOf({ state, put, parts, sizeBytes }: UploadAnswer): readonly Piece[] {
  if (state === 'complete') return [];
  if (put !== null) return [{ start: 0, bytes: sizeBytes, request: put }];
  return (parts?.missing ?? []).map(({ part, bytes, request }) => ({
    start: (part - 1) * parts!.partBytes,
    bytes,
    request,
  }));
}

interface Round {
  readonly answer: UploadAnswer;
  readonly pieces: readonly Piece[];
  readonly options: UploadOptions;
}

async function sendRound(
  file: File,
  { answer, pieces, options }: Round,
): Promise<{ readonly sent: number; readonly failure: HpbError | null }> {
  const { send = sendPiece, signal, onProgress } = options;
  const arrived = (answer.parts?.arrived ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
  const underWay = new Map<Piece, number>();
  const waiting = [...pieces];
  let sent = 0;
  let failure: HpbError | null = null;
  const worker = async (): Promise<void> => {
    for (let piece = waiting.shift(); piece !== undefined && failure === null; piece = waiting.shift()) {
      const own = piece;
      const error = await send(own.request, file.slice(own.start, own.start + own.bytes), {
        signal,
        onSent: (bytes) => {
          underWay.set(own, bytes);
          onProgress(arrived + [...underWay.values()].reduce((sum, one) => sum + one, 0), file.size);
        },
      });
      if (error === null) sent += 1;
      else failure ??= error;
    }
  };
  await Promise.all(Array.from({ length: PARTS_AT_ONCE }, worker));
  return { sent, failure };
}

/** Sends bytes by a signed request; null when they are there. XMLHttpRequest, since fetch tells no progress. */
export function sendPiece(
  { method, url, headers }: Signed,
  body: Blob,
  { signal, onSent }: { readonly signal: AbortSignal; readonly onSent: (bytes: number) => void },
): Promise<HpbError | null> {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers))
      if (!BROWSER_HEADERS.has(name.toLowerCase())) request.setRequestHeader(name, value);
    request.upload.addEventListener('progress', ({ loaded }) => onSent(loaded));
    request.addEventListener('error', () => resolve(unreachable()));
    request.addEventListener('abort', () => resolve(cancelled()));
    request.addEventListener('load', () => {
      const { status } = request;
      // 412: an earlier try has brought it, and its answer was lost.
      if ((status >= 200 && status < 300) || status === 412) return resolve(null);
      return resolve(refusal({ status, json: async () => JSON.parse(request.responseText) as unknown }));
    });
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(body);
  });
}

function cancelled(): HpbError {
  return new HpbError('CANCELLED', 'The upload was cancelled.', { remedy: 'Choose the file again.' });
}
