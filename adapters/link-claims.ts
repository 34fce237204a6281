import { createHmac, timingSafeEqual } from 'node:crypto';
import { HpbError } from '../core/errors.ts';

/** What a signed link of the laptop allows; every field is part of its signature. */
export interface LinkClaims {
  readonly method: 'GET' | 'PUT';
  readonly key: string;
  /** ms since 1970. */
  readonly expiresAt: number;
  /** Of the body that is sent, or of the answer. */
  readonly contentType: string | null;
  /** Exact size of the body that is sent. */
  readonly bytes: number | null;
  readonly multipartId: string | null;
  readonly part: number | null;
  /** Name under which a browser saves the answer. */
  readonly downloadName: string | null;
}

/** Path below which the links lead. */
export const LINKS_PATH = '/objects/';

/** Path and query of a link, signed with HMAC-SHA256. */
export function signedPath(claims: LinkClaims, secret: string): string {
  const query = new URLSearchParams({ expires: String(claims.expiresAt) });
  const optional = {
    type: claims.contentType,
    bytes: claims.bytes,
    upload: claims.multipartId,
    part: claims.part,
    name: claims.downloadName,
  };
  for (const [name, value] of Object.entries(optional)) if (value !== null) query.set(name, String(value));
  query.set('signature', signatureOf(claims, secret));
  return `${LINKS_PATH}${claims.key.split('/').map(encodeURIComponent).join('/')}?${query.toString()}`;
}

/**
 * What the link of a request allows.
 *
 * @param now ms since 1970.
 * @throws HpbError URL_REFUSED when it was not signed so with this secret, or has expired.
 */
export function verifiedClaims(method: string, url: URL, secret: string, now: number): LinkClaims {
  const claims = claimsOf(method, url);
  const given = url.searchParams.getAll('signature');
  if (claims === null || given.length !== 1) throw refusedLink('It is not one that this service signed.');
  const expected = Buffer.from(signatureOf(claims, secret));
  // As text: Buffer.from(text, 'hex') drops what is no hex digit, and a longer signature would pass.
  const received = Buffer.from(given[0] ?? '');
  // The lengths are no secret, and timingSafeEqual wants them equal.
  if (received.length !== expected.length || !timingSafeEqual(received, expected))
    throw refusedLink('Its signature does not fit its method, path and query.');
  if (claims.expiresAt <= now) throw refusedLink('It has expired.');
  return claims;
}

/** `URL_REFUSED`; the link itself is not repeated, since whoever reads it could use it. */
export function refusedLink(reason: string): HpbError {
  return new HpbError('URL_REFUSED', `The signed link is refused. ${reason}`, {
    remedy: 'Ask the service for a new link, and send method, headers and body exactly as it says.',
  });
}

function signatureOf(claims: LinkClaims, secret: string): string {
  const { method, key, expiresAt, contentType, bytes, multipartId, part, downloadName } = claims;
  const signed = ['hpb-link-1', method, key, expiresAt, contentType, bytes, multipartId, part, downloadName];
  return createHmac('sha256', secret).update(JSON.stringify(signed)).digest('hex');
}

/** What a link says, true or not; null when it does not even say it in our words. */
function claimsOf(method: string, url: URL): LinkClaims | null {
  const key = decoded(url.pathname.slice(LINKS_PATH.length));
  const expiresAt = wholeNumber(url.searchParams.get('expires'));
  const isOurs = url.pathname.startsWith(LINKS_PATH) && (method === 'GET' || method === 'PUT');
  if (!isOurs || key === null || expiresAt === null) return null;
  return {
    method,
    key,
    expiresAt,
    contentType: url.searchParams.get('type'),
    bytes: wholeNumber(url.searchParams.get('bytes')),
    multipartId: url.searchParams.get('upload'),
    part: wholeNumber(url.searchParams.get('part')),
    downloadName: url.searchParams.get('name'),
  };
}

function decoded(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
