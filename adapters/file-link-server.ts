import { HpbError } from '../core/errors.ts';
import type { ByteRange, ObjectFacts } from '../core/ports.ts';
import { attachment } from './content-disposition.ts';
import type { FileLinkOptions } from './file-signed-links.ts';
import { boundedBody } from './http-app/bounded-body.ts';
import { problemResponse } from './http-app/problem.ts';
import { refusedLink, verifiedClaims, type LinkClaims } from './link-claims.ts';
import { releaseChunk } from './release-chunk.ts';
import { objectExists, objectNotFound, rangeNotSatisfiable } from './store-errors.ts';

/** As S3 answers a conditional PUT of what is there already. */
const PRECONDITION_FAILED = 412;
/** Longest wait for the next bytes of an upload. */
const BODY_IDLE_MS = 60_000;

/** The other half of `FileSignedLinks`: answers the requests below `/objects/` that were signed. */
export class FileLinkServer {
  readonly #options: FileLinkOptions;

  constructor(options: FileLinkOptions) {
    this.#options = options;
  }

  /**
   * Answers an upload, a part of one, or a download. Bodies are streamed; what is refused is not read. Never throws:
   * refusals are problem documents, 403 (`URL_REFUSED`) for a link that is not one of ours, has expired, or is used
   * for something else; 412 (`OBJECT_EXISTS`); 404 (`OBJECT_NOT_FOUND`, `UPLOAD_NOT_FOUND`); 416.
   *
   * @param requestId By which refusals and the log know the request.
   */
  async handle(request: Request, requestId: string = crypto.randomUUID()): Promise<Response> {
    try {
      const { secret, clock } = this.#options;
      const claims = verifiedClaims(request.method, new URL(request.url), secret, clock.now());
      return claims.method === 'PUT'
        ? await this.#upload(claims, request)
        : await this.#download(claims, request, requestId);
    } catch (error) {
      return refusal(error, requestId);
    }
  }

  async #upload(claims: LinkClaims, request: Request): Promise<Response> {
    const { store, multipart } = this.#options;
    const { key, multipartId, part } = claims;
    const bytes = requireHeaders(claims, request.headers);
    const body = exactly(bytes, request);
    if (multipartId !== null && part !== null) {
      const tag = await multipart.putPart(key, multipartId, part, body);
      return new Response(null, { status: 200, headers: { etag: `"${tag}"` } });
    }
    // Said before the body is read.
    if ((await store.head(key)) !== null) throw objectExists(key);
    const { tag } = await store.putStream(key, body, { ifAbsent: true });
    return new Response(null, { status: 200, headers: { etag: `"${tag}"` } });
  }

  async #download(claims: LinkClaims, request: Request, requestId: string): Promise<Response> {
    const { store } = this.#options;
    const facts = await store.head(claims.key);
    if (facts === null) throw objectNotFound(claims.key);
    const headers = downloadHeaders(claims, facts);
    const range = rangeOf(request.headers, facts, headers);
    if (range !== null && range.start >= facts.bytes) {
      const answer = refusal(rangeNotSatisfiable(range, facts.bytes), requestId);
      answer.headers.set('content-range', `bytes */${facts.bytes}`);
      return answer;
    }
    const end = Math.min(range?.end ?? Infinity, facts.bytes - 1);
    if (range !== null) headers.set('content-range', `bytes ${range.start}-${end}/${facts.bytes}`);
    headers.set('content-length', String(end + 1 - (range?.start ?? 0)));
    const body = await store.stream(claims.key, range ?? undefined);
    return new Response(ReadableStream.from(body), { status: range === null ? 200 : 206, headers });
  }
}

/** Requires what the link was signed for. Returns the size of the body. */
function requireHeaders({ contentType, bytes }: LinkClaims, headers: Headers): number {
  if (bytes === null) throw refusedLink('It does not say how much may be sent.');
  if (headers.get('content-length') !== String(bytes))
    throw refusedLink(`It is for a body of ${bytes} bytes, and Content-Length says otherwise.`);
  if (contentType !== null && headers.get('content-type') !== contentType)
    throw refusedLink(`It is for the Content-Type ${contentType}.`);
  return bytes;
}

async function* exactly(bytes: number, request: Request): AsyncGenerator<Uint8Array> {
  let received = 0;
  try {
    for await (const chunk of boundedBody(request, { maxBytes: bytes, idleMs: BODY_IDLE_MS })) {
      received += chunk.byteLength;
      yield chunk;
      // Whoever takes the next chunk has stored this one.
      releaseChunk(chunk);
    }
  } catch (error) {
    // The connection broke.
    throw error instanceof HpbError ? error : wrongSize(bytes, received, error);
  }
  if (received < bytes) throw wrongSize(bytes, received);
}

function wrongSize(bytes: number, received: number, cause?: unknown): HpbError {
  return new HpbError('UPLOAD_SIZE_MISMATCH', `The body ended after ${received} of ${bytes} bytes.`, {
    remedy: 'Send it again, whole; nothing of it was kept.',
    details: { bytes, received },
    cause,
  });
}

function downloadHeaders({ contentType, downloadName }: LinkClaims, facts: ObjectFacts): Headers {
  const headers = new Headers({
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-store',
    'content-type': contentType ?? 'application/octet-stream',
    etag: `"${facts.tag}"`,
    'last-modified': new Date(facts.modifiedAt).toUTCString(),
  });
  if (downloadName !== null) headers.set('content-disposition', attachment(downloadName));
  return headers;
}

/** The range that is asked for; null when the whole object is to be sent (RFC 9110, 14.2). */
function rangeOf(asked: Headers, { bytes }: ObjectFacts, ours: Headers): ByteRange | null {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(asked.get('range') ?? '') ?? [];
  if (first === undefined || last === undefined || !isCurrent(asked.get('if-range'), ours)) return null;
  if (first === '') return last === '' ? null : lastBytes(Number(last), bytes);
  const start = Number(first);
  if (last === '') return { start };
  return Number(last) < start ? null : { start, end: Number(last) };
}

/** None of the bytes is a range beyond every end. */
function lastBytes(count: number, bytes: number): ByteRange {
  return { start: count === 0 ? bytes : Math.max(0, bytes - count) };
}

/** Whether the part that a client has is of the version that we have. */
function isCurrent(ifRange: string | null, ours: Headers): boolean {
  return ifRange === null || ifRange === ours.get('etag') || ifRange === ours.get('last-modified');
}

function refusal(error: unknown, requestId: string): Response {
  const isThere = error instanceof HpbError && error.code === 'OBJECT_EXISTS';
  return problemResponse(error, requestId, isThere ? PRECONDITION_FAILED : undefined);
}
