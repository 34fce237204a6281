import type { Context } from 'hono';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { HpbError } from '../../core/errors.ts';
import type { HttpEnv, HttpHome } from './deployment.ts';

/** The files of the page, by name without folders; null for a name that it does not have. */
export interface PageFiles {
  /** @throws HpbError ROUTE_NOT_FOUND where the page is not built and cannot be. */
  readonly file: (name: string) => Promise<Uint8Array<ArrayBuffer> | null>;
}

/** The document that `/` answers. */
export const PAGE_INDEX = 'index.html';

/** A name that holds a hash of its content, as the bundler gives it. */
const HASHED = /-[A-Z0-9]{8}\.\w+$/;

/**
 * Nothing from elsewhere, no inline script. The viewer sets styles of its own, holds its font and textures as data
 * URLs, and reads them with fetch.
 */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self' data: blob:",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
};

/** Adds the page: its document at `/`, what that loads below `/page/`. */
export function addPageRoutes(
  app: OpenAPIHono<HttpEnv>,
  { deployment }: HttpHome,
  { file }: PageFiles,
): void {
  app.get('/', async (c) => {
    // Signed links begin with the base URL: under another name of this machine they would lead to another origin.
    const home = new URL(`${deployment.baseUrl(c.req.raw, c.env)}/`);
    if (c.req.header('host') !== home.host) return c.redirect(home.href, 302);
    return fileAnswer(c, PAGE_INDEX, await file(PAGE_INDEX));
  });
  app.get('/page/:name', async (c) => {
    const name = c.req.param('name');
    const answer = fileAnswer(c, name, name === PAGE_INDEX ? null : await file(name));
    if (HASHED.test(name)) answer.headers.set('cache-control', 'public, max-age=31536000, immutable');
    return answer;
  });
}

function fileAnswer(c: Context, name: string, bytes: Uint8Array<ArrayBuffer> | null): Response {
  if (bytes === null)
    throw new HpbError('ROUTE_NOT_FOUND', 'The page has no such file.', {
      remedy: 'Load the page anew: it was built again since.',
    });
  return c.body(bytes, 200, {
    'content-security-policy': PAGE_POLICY,
    'content-type': TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
  });
}
