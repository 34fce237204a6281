import { HpbError } from '../../core/errors.ts';

/** How much of a body is read, and how patiently. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** Longest wait for the next bytes, ms. */
  readonly idleMs: number;
  /** Longest time for the whole body, ms; without it, as long as bytes keep coming. */
  readonly totalMs?: number;
}

/**
 * The chunks of a request's body.
 *
 * @throws HpbError REQUEST_TOO_LARGE before a byte is read when the announced length says so, else as soon as the
 * body is too long; REQUEST_TOO_SLOW
 */
export async function* boundedBody(request: Request, limits: BodyLimits): AsyncGenerator<Uint8Array> {
  refuseAnnounced(request, limits.maxBytes);
  if (request.body === null) return;
  const reader = request.body.getReader();
  const startedAt = performance.now();
  let bytes = 0;
  try {
    for (;;) {
      const left = (limits.totalMs ?? Infinity) - (performance.now() - startedAt);
      const { done, value } = await inTime(reader.read(), Math.min(limits.idleMs, left));
      if (done) return;
      bytes += value.byteLength;
      if (bytes > limits.maxBytes) throw tooLarge(`more than ${limits.maxBytes}`, limits.maxBytes);
      yield value;
    }
  } finally {
    // Nothing to do about a connection that is gone already.
    await reader.cancel().catch(() => undefined);
  }
}

/**
 * Refuses a body by its announced length alone, before anything is done for it.
 *
 * @throws HpbError REQUEST_TOO_LARGE
 */
export function refuseAnnounced(request: Request, maxBytes: number): void {
  const announced = request.headers.get('content-length');
  if (announced !== null && Number(announced) > maxBytes) throw tooLarge(announced, maxBytes);
}

/**
 * The whole body as UTF-8 text; throws as `boundedBody` does, and REQUEST_INVALID for one that breaks off, and for bytes
 * that are no UTF-8.
 */
export async function boundedText(request: Request, limits: BodyLimits): Promise<string> {
  const chunks = await Array.fromAsync(boundedBody(request, limits)).catch((thrown: unknown) => {
    throw thrown instanceof HpbError ? thrown : unusable('The body broke off.', thrown);
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw unusable('The body is not UTF-8 text.');
  }
}

function unusable(sentence: string, cause?: unknown): HpbError {
  return new HpbError('REQUEST_INVALID', sentence, { remedy: 'Send JSON in UTF-8.', cause });
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new HpbError('REQUEST_TOO_SLOW', 'The body stopped coming, or came too slowly.', {
            remedy: 'Send it again; large files go to the signed URL of POST /uploads, part by part.',
          }),
        ),
      Math.max(0, ms),
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLarge(received: string, maxBytes: number): HpbError {
  return new HpbError(
    'REQUEST_TOO_LARGE',
    `The body has ${received} bytes; at most ${maxBytes} are taken here.`,
    { remedy: 'Send CTs and archives to the signed URL of POST /uploads.', details: { maxBytes } },
  );
}
