import { createReadStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileError } from '../../adapters/file-error.ts';
import { HpbError } from '../../core/errors.ts';

/** A stretch of a file and the signed request that takes it. */
export interface SendRequest {
  readonly request: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
  readonly path: string;
  /** First byte, from 0. */
  readonly start: number;
  readonly bytes: number;
  /** Bytes of this stretch that are under way; starts again at 0 when it is sent again. */
  readonly onProgress: (sentBytes: number) => void;
  readonly signal?: AbortSignal | undefined;
  /** Attempts before it is given up for now, default 6. */
  readonly attempts?: number | undefined;
  /** Pause before the second attempt, doubled each time, default 500 ms. */
  readonly pauseMs?: number | undefined;
  /** A connection that takes nothing for so long counts as dropped, default 2 min. */
  readonly silenceMs?: number | undefined;
}

/** How sending ended: `refused` with the status when the store wants no more of this request, signed as it is. */
export type SendOutcome =
  | { readonly outcome: 'sent' }
  | { readonly outcome: 'refused'; readonly status: number }
  /** No attempt got through. */
  | { readonly outcome: 'failed'; readonly reason: string };

const MAX_PAUSE_MS = 15_000;

/**
 * Sends a stretch of a file to a signed URL, again with growing pauses when the connection drops or the store is
 * busy. Nothing of the file is held in memory.
 *
 * @throws HpbError INPUT_* when the file cannot be read or has become shorter, CANCELLED.
 */
export async function sendBytes(request: SendRequest): Promise<SendOutcome> {
  const { attempts = 6, pauseMs = 500, signal } = request;
  let reason = '';
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const pause = attempt === 0 ? 0 : Math.min(MAX_PAUSE_MS, pauseMs * 2 ** (attempt - 1));
    await sleep(pause, undefined, { signal }).catch(() => undefined);
    const answer = await sendOnce(request);
    if (signal?.aborted === true) throw interrupted();
    const final = typeof answer === 'number' ? finalOutcome(answer) : null;
    if (final !== null) return final;
    reason = typeof answer === 'number' ? `HTTP ${answer}` : answer;
  }
  return { outcome: 'failed', reason };
}

/** What a status means; null when another attempt may fare better. */
function finalOutcome(status: number): SendOutcome | null {
  if (status >= 200 && status < 300) return { outcome: 'sent' };
  return status >= 500 || status === 429 || status === 408 ? null : { outcome: 'refused', status };
}

/** The status of the answer, or why there was none. */
async function sendOnce(request: SendRequest): Promise<number | string> {
  const { path, start, bytes, silenceMs = 120_000, signal } = request;
  request.onProgress(0);
  const headers = new Headers(request.request.headers);
  // Signed URLs take no chunked bodies: the length has to be said.
  headers.set('content-length', String(bytes));
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  const file = createReadStream(path, { start, end: start + bytes - 1, highWaterMark: 1 << 18 });
  let fileFailure: unknown;
  file.on('error', (error) => (fileFailure = error));
  let sent = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of file) {
      yield chunk as Uint8Array;
      sent += (chunk as Uint8Array).length;
      request.onProgress(sent);
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silenceMs);
    }
    if (sent !== bytes) fileFailure = shorter();
  }
  try {
    const response = await fetch(request.request.url, {
      method: 'PUT',
      headers,
      body: ReadableStream.from(counted()),
      duplex: 'half',
      redirect: 'manual',
      signal: AbortSignal.any([silence.signal, ...(signal === undefined ? [] : [signal])]),
    });
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    if (fileFailure !== undefined) throw fileError(fileFailure);
    return silence.signal.aborted ? `nothing went through for ${silenceMs / 1000} s` : reasonOf(error);
  } finally {
    clearTimeout(timer);
    file.destroy();
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return (cause as NodeJS.ErrnoException).code ?? (cause instanceof Error ? cause.name : 'no answer');
}

const shorter = (): HpbError =>
  new HpbError('INPUT_VANISHED', 'The file became shorter while it was uploaded.', {
    remedy: 'Wait until it is completely written, leave it in place, and start again.',
  });

const interrupted = (): HpbError =>
  new HpbError('CANCELLED', 'The upload was interrupted.', {
    remedy: 'Run the same command again to go on.',
  });
