import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { outputError } from '../../adapters/file-error.ts';
import { throwIfCancelled } from '../../adapters/run-process.ts';
import { HpbError } from '../../core/errors.ts';

/** A file to fetch. */
export interface DownloadRequest {
  readonly url: string;
  /** Where it appears once it is whole and right; `<path>.part` holds it until then and survives interruptions. */
  readonly path: string;
  /** Its size, bytes. */
  readonly bytes: number;
  /** Checksums to hold it against; null where none is known. */
  readonly md5: string | null;
  readonly sha256: string | null;
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Attempts in a row that may bring nothing, default 6. */
  readonly attempts?: number;
  /** Pause before the second attempt, doubled each time, default 1000 ms. */
  readonly pauseMs?: number;
  /** A connection that is silent for so long counts as dropped, default 60 s. */
  readonly silenceMs?: number;
}

const MAX_PAUSE_MS = 30_000;

/**
 * Fetches a large file: resumes with Range and If-Range what an earlier call left, starts over where the server
 * ignores that or has another file, and repeats dropped connections with growing pauses.
 *
 * @returns its SHA-256.
 * @throws HpbError WEIGHTS_CORRUPT (wrong size or checksum; what was fetched is removed), NETWORK_UNREACHABLE,
 * WEIGHTS_DOWNLOAD_FAILED, DISK_FULL, OUTPUT_UNWRITABLE, CANCELLED.
 */
export async function downloadFile(request: DownloadRequest): Promise<string> {
  const part = `${request.path}.part`;
  let failures = 0;
  for (;;) {
    const before = await sizeOf(part);
    try {
      if (before < request.bytes) await fetchRest(request, part, before);
      break;
    } catch (error) {
      throwIfCancelled(request.signal);
      if (!isPassing(error)) throw outputError(error);
      failures = (await sizeOf(part)) > before ? 1 : failures + 1;
      if (failures >= (request.attempts ?? 6)) throw gaveUp(request, error, failures);
      const pause = Math.min(MAX_PAUSE_MS, (request.pauseMs ?? 1000) * 2 ** (failures - 1));
      await sleep(pause, undefined, { signal: request.signal }).catch(() => throwIfCancelled(request.signal));
    }
  }
  const sha256 = await check(request, part);
  await rename(part, request.path).catch((error: unknown) => {
    throw outputError(error);
  });
  await rm(`${part}.validator`, { force: true });
  return sha256;
}

/** A failure that another attempt may mend. */
class PassingFailure extends Error {}

const isPassing = (error: unknown): boolean =>
  error instanceof PassingFailure || (error instanceof TypeError && 'cause' in error);

async function fetchRest(request: DownloadRequest, part: string, offset: number): Promise<void> {
  const validator = await readFile(`${part}.validator`, 'utf8').catch(() => null);
  // Without a validator the pieces may be of two files: then only a checksum tells.
  const resume = offset > 0 && (validator !== null || request.md5 !== null || request.sha256 !== null);
  const headers = new Headers({ 'accept-encoding': 'identity' });
  if (resume) headers.set('range', `bytes=${offset}-`);
  if (resume && validator !== null) headers.set('if-range', validator);
  const silence = new AbortController();
  const stop = (): void => silence.abort();
  const limit = request.silenceMs ?? 60_000;
  let timer = setTimeout(stop, limit);
  try {
    const response = await fetch(request.url, {
      headers,
      signal:
        request.signal === undefined ? silence.signal : AbortSignal.any([request.signal, silence.signal]),
    });
    const start = await startOf(request, response, { part, offset: resume ? offset : 0 });
    await writeBody(request, response, {
      part,
      start,
      alive: () => {
        clearTimeout(timer);
        timer = setTimeout(stop, limit);
      },
    });
  } catch (error) {
    if (silence.signal.aborted) throw new PassingFailure(`silent for ${limit / 1000} s`);
    throw error;
  } finally {
    clearTimeout(timer);
    stop();
  }
}

/** The offset at which the body of this answer belongs. */
async function startOf(
  request: DownloadRequest,
  response: Response,
  { part, offset }: { readonly part: string; readonly offset: number },
): Promise<number> {
  const { status, headers } = response;
  if (status === 206 && headers.get('content-range')?.startsWith(`bytes ${offset}-`) === true) return offset;
  if (status === 206 || status === 416) {
    // Not the range that was asked for: what we have is of no use.
    await removePart(part);
    throw new PassingFailure(`HTTP ${status} for another range`);
  }
  if (status !== 200) throw refusal(request, status);
  const length = Number(headers.get('content-length') ?? request.bytes);
  if (length !== request.bytes) throw await corrupt(request, part, `the server offers ${length} bytes`);
  await removePart(part);
  const validator = validatorOf(headers);
  if (validator !== null) await writeFile(`${part}.validator`, validator);
  return 0;
}

/** What If-Range may carry: a strong ETag (a weak one does not say that the bytes are the same), or the date. */
function validatorOf(headers: Headers): string | null {
  const etag = headers.get('etag');
  return etag !== null && !etag.startsWith('W/') ? etag : headers.get('last-modified');
}

function refusal(request: DownloadRequest, status: number): Error {
  const text = `HTTP ${status} from ${new URL(request.url).host}`;
  if (status >= 500 || status === 429 || status === 408) return new PassingFailure(text);
  return new HpbError('WEIGHTS_DOWNLOAD_FAILED', `The weights cannot be fetched: ${text}.`, {
    remedy: `Fetch ${request.url} by hand and run \`hpb models install <file>\`.`,
    details: { status },
  });
}

async function removePart(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.validator`, { force: true });
}

async function writeBody(
  request: DownloadRequest,
  response: Response,
  { part, start, alive }: { readonly part: string; readonly start: number; readonly alive: () => void },
): Promise<void> {
  const file = await open(part, start === 0 ? 'w' : 'a');
  let done = start;
  try {
    for await (const chunk of response.body!) {
      alive();
      done += chunk.length;
      if (done > request.bytes) break;
      await file.write(chunk);
      request.onProgress?.(done, request.bytes);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw diskFull(request.path);
    throw error;
  } finally {
    await file.close();
  }
  if (done > request.bytes) throw await corrupt(request, part, 'the server sent more');
  if (done < request.bytes)
    throw new PassingFailure(`the connection ended at ${done} of ${request.bytes} bytes`);
}

async function check(request: DownloadRequest, part: string): Promise<string> {
  const md5 = createHash('md5');
  const sha256 = createHash('sha256');
  for await (const chunk of createReadStream(part, { highWaterMark: 1 << 20 })) {
    throwIfCancelled(request.signal);
    md5.update(chunk as Buffer);
    sha256.update(chunk as Buffer);
  }
  const found = { md5: md5.digest('hex'), sha256: sha256.digest('hex') };
  const size = await sizeOf(part);
  if (size !== request.bytes) throw await corrupt(request, part, `it has ${size} bytes`);
  for (const kind of ['md5', 'sha256'] as const) {
    const expected = request[kind];
    if (expected !== null && expected !== found[kind])
      throw await corrupt(request, part, `its ${kind} is ${found[kind]} instead of ${expected}`);
  }
  return found.sha256;
}

async function corrupt(request: DownloadRequest, part: string, why: string): Promise<HpbError> {
  await removePart(part);
  return new HpbError(
    'WEIGHTS_CORRUPT',
    `What ${new URL(request.url).host} sent is not the expected file of ${request.bytes} bytes: ${why}.`,
    {
      remedy:
        'Try again later or from another network (a proxy may answer in its place). Nothing of it was kept.',
      details: { expectedBytes: request.bytes },
    },
  );
}

function gaveUp(request: DownloadRequest, error: unknown, attempts: number): HpbError {
  const { host } = new URL(request.url);
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const reason = cause instanceof Error ? cause.message : String(cause);
  const remedy =
    'Run the same command again when the network is back (behind a proxy with HTTPS_PROXY and NODE_USE_ENV_PROXY=1): what was fetched is kept.';
  if (
    /^(ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ECONNREFUSED|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/.test(
      code,
    )
  )
    return new HpbError('NETWORK_UNREACHABLE', `${host} cannot be reached: ${reason}`, {
      remedy,
      cause: error,
    });
  return new HpbError(
    'WEIGHTS_DOWNLOAD_FAILED',
    `${attempts} attempts in a row to fetch from ${host} failed, the last one with: ${reason}`,
    { remedy, cause: error },
  );
}

function diskFull(path: string): HpbError {
  return new HpbError('DISK_FULL', `The disk ran full while ${path} was fetched.`, {
    remedy: 'Free some space and run the same command again: what was fetched is kept.',
  });
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}
