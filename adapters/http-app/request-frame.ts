import type { Context, MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { HpbError } from '../../core/errors.ts';
import type { HttpEnv, HttpHome } from './deployment.ts';
import { problemResponse } from './problem.ts';

const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/**
 * Around every request: its id, the host check, security headers, one line in the access log. The log holds the
 * pattern of the route, never a path, a query or a name.
 */
export function requestFrame({ ports, deployment }: HttpHome): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const startedAt = ports.clock.seconds();
    const requestId = requestIdOf(c);
    c.set('requestId', requestId);
    const refusal = refusalOf(c, deployment.allowedHosts);
    if (refusal === null) await next();
    else c.res = problemResponse(refusal, requestId);
    c.res.headers.set('x-request-id', requestId);
    for (const [name, value] of Object.entries(HEADERS))
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    ports.log.info('http:answered', {
      method: c.req.method,
      route: refusal === null ? routePath(c, -1) : '(refused)',
      status: c.res.status,
      ms: Math.round((ports.clock.seconds() - startedAt) * 1000),
      requestId,
    });
  };
}

/** The caller's id when it is harmless in a header and a log, else one of ours. */
function requestIdOf(c: Context): string {
  const given = c.req.header('x-request-id') ?? '';
  return /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : crypto.randomUUID();
}

/**
 * A server on the loopback is reachable from every web page that its user has open: through a host name that leads
 * to 127.0.0.1, or as a form that is sent across origins. Neither is served.
 */
function refusalOf(c: Context, allowedHosts?: (host: string) => boolean): HpbError | null {
  if (allowedHosts === undefined) return null;
  const host = c.req.header('host') ?? '';
  if (!allowedHosts(host)) return refused('host', host, 'Use the address that the server printed.');
  const origin = c.req.header('origin');
  if (origin !== undefined && URL.parse(origin)?.host !== host)
    return refused(
      'origin',
      origin,
      'Other web pages cannot use this service; use the command or a program.',
    );
  return null;
}

function refused(what: string, received: string, remedy: string): HpbError {
  return new HpbError(
    'HOST_REFUSED',
    `The ${what} ${JSON.stringify(received.slice(0, 100))} is not served here.`,
    {
      remedy,
    },
  );
}
