import type { UploadAnswer } from './requests.ts';

/** A stretch of a file and the signed request that takes it. */
export interface UploadPiece {
  readonly start: number;
  readonly bytes: number;
  readonly request: NonNullable<UploadAnswer['put']>;
}

/** How the pieces of an upload get to the store. `F`: why one did not. */
export interface PieceSending<F> {
  /** Sends one piece; null when it is there. What it throws ends the upload, and aborts the pieces under way. */
  readonly send: (
    piece: UploadPiece,
    call: { readonly signal: AbortSignal; readonly onSent: (bytes: number) => void },
  ) => Promise<F | null>;
  /** Signs anew what is missing. */
  readonly sign: (uploadId: string) => Promise<UploadAnswer>;
  /** Pieces under way at once. */
  readonly parallel: number;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  /** Handed on to `send`. */
  readonly signal?: AbortSignal | undefined;
}

/** Rounds over all missing pieces that may bring nothing before the upload is given up. */
const IDLE_ROUNDS = 3;

/**
 * Sends what is missing of an upload, in rounds: what did not arrive in one is signed anew and sent again in the next.
 * Every client of the service uploads by this.
 *
 * @returns null when all is there; why the last piece was not taken when several rounds in a row brought nothing.
 */
export async function sendPieces<F>(opened: UploadAnswer, sending: PieceSending<F>): Promise<F | null> {
  let answer = opened;
  for (let idle = 0; ;) {
    const pieces = piecesOf(answer);
    if (pieces.length === 0) return null;
    const { sent, failure } = await sendRound(answer, pieces, sending);
    if (failure === null && answer.put !== null) return null;
    idle = sent > 0 ? 0 : idle + 1;
    if (failure !== null && idle >= IDLE_ROUNDS) return failure;
    // An answer names a limited number of parts, and signatures expire.
    answer = await sending.sign(answer.uploadId);
  }
}

function piecesOf({ state, put, parts, sizeBytes }: UploadAnswer): readonly UploadPiece[] {
  if (state === 'complete') return [];
  if (put !== null) return [{ start: 0, bytes: sizeBytes, request: put }];
  return (parts?.missing ?? []).map(({ part, bytes, request }) => ({
    start: (part - 1) * parts!.partBytes,
    bytes,
    request,
  }));
}

/** Begins no piece after the first that does not go through: those after it would fare no better. */
async function sendRound<F>(
  { sizeBytes, parts }: UploadAnswer,
  pieces: readonly UploadPiece[],
  { send, parallel, onProgress, signal }: PieceSending<F>,
): Promise<{ readonly sent: number; readonly failure: F | null }> {
  const arrived = sumOf((parts?.arrived ?? []).map(({ bytes }) => bytes));
  const underWay = new Map<UploadPiece, number>();
  const stop = new AbortController();
  const signals = AbortSignal.any([stop.signal, ...(signal === undefined ? [] : [signal])]);
  const waiting = [...pieces];
  let sent = 0;
  let failure: F | null = null;
  const worker = async (): Promise<void> => {
    for (let piece = waiting.shift(); piece !== undefined && failure === null; piece = waiting.shift()) {
      const own = piece;
      const onSent = (bytes: number): void => {
        underWay.set(own, bytes);
        onProgress(arrived + sumOf(underWay.values()), sizeBytes);
      };
      const error = await send(own, { signal: signals, onSent });
      if (error === null) sent += 1;
      else failure ??= error;
    }
  };
  try {
    await Promise.all(Array.from({ length: parallel }, worker));
  } finally {
    stop.abort();
  }
  return { sent, failure };
}

const sumOf = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value, 0);
