import type { MiddlewareHandler } from 'hono';
import { HpbError } from '../../core/errors.ts';
import { MAX_JSON_BYTES } from '../../core/requests.ts';
import { boundedText } from './bounded-body.ts';
import type { HttpEnv, Patience } from './deployment.ts';
import { parseJsonText } from './json-text.ts';

const JSON_TYPE = 'application/json';

/**
 * Lets only a small, plain JSON body through to the validation of a route.
 *
 * @param remedy What to send, said to those who send another type.
 */
export function jsonBody(patience: Patience, remedy = 'Send application/json.'): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    refuseOtherTypes(c.req.header('content-type'), c.req.header('content-encoding'), remedy);
    const { bodyIdleMs: idleMs, jsonMs: totalMs } = patience;
    const text = await boundedText(c.req.raw, { maxBytes: MAX_JSON_BYTES, idleMs, totalMs });
    parseJsonText(text);
    // The body is read; the validator that follows reads it again, and knows the type only without parameters.
    const headers = new Headers(c.req.raw.headers);
    headers.set('content-type', JSON_TYPE);
    c.req.raw = new Request(c.req.url, { method: c.req.method, headers, body: text });
    await next();
  };
}

function refuseOtherTypes(type: string | undefined, encoding: string | undefined, remedy: string): void {
  const media = type?.split(';')[0]?.trim().toLowerCase();
  if (media === undefined)
    throw new HpbError('REQUEST_TYPE_UNSUPPORTED', 'The request names no content type.', { remedy });
  if (media !== JSON_TYPE)
    throw new HpbError('REQUEST_TYPE_UNSUPPORTED', `The content type is ${quoted(media)}.`, { remedy });
  if (encoding !== undefined && encoding !== 'identity')
    throw new HpbError('REQUEST_TYPE_UNSUPPORTED', `The content encoding is ${quoted(encoding)}.`, {
      remedy: 'Send the JSON as it is.',
    });
}

const quoted = (text: string): string => JSON.stringify(text.slice(0, 100));
