import { describe, expect, it } from 'vitest';
import { send, type LinkBench } from '../fixtures/link-bench.ts';
import { itExcept, type Deviations } from '../fixtures/deviations.ts';
import { describeUploadsInParts } from './uploads-in-parts.contract.ts';
import type { SignedRequest } from '../../core/ports.ts';

const TYPE = 'application/octet-stream';

/** What somebody may try with a link to upload 5 bytes to `uploads/u/input`. */
const CHANGES: Readonly<Record<string, (put: SignedRequest) => Partial<SignedRequest> & { body?: string }>> =
  {
    'another size': ({ headers }) => ({ headers: { ...headers, 'content-length': '6' }, body: 'sixsix' }),
    'another type': ({ headers }) => ({ headers: { ...headers, 'content-type': 'text/html' } }),
    'another key': ({ url }) => ({ url: url.replace('/input', '/other') }),
    'another signature': ({ url }) => ({ url: tampered(url) }),
    'a longer signature': ({ url }) => ({ url: url.replace(/(signature=[0-9a-f]+)/i, '$10') }),
    'a longer life': ({ url }) => ({ url: url.replace(/(xpires=)(\d+)/i, '$19$2') }),
    'no signature': ({ url }) => ({ url: url.split('?')[0]! }),
  };

/** What every `SignedLinks` does, whatever answers the requests. */
export function signedLinksContract(
  name: string,
  make: () => Promise<LinkBench>,
  deviations: Deviations = {},
): void {
  const test = itExcept(deviations);

  describe(`${name}, as signed links`, () => {
    it('takes an upload of the size and type that were signed', async () => {
      const { store, links } = await make();
      const put = await links.signPut('uploads/u/input', { bytes: 5, contentType: TYPE, expiresSeconds: 60 });

      const answer = await send(put, 'bytes');

      expect(answer.status).toBe(200);
      expect(text(await store.get('uploads/u/input'))).toBe('bytes');
    });

    it('takes an upload of no bytes, and one of some megabytes', async () => {
      const { store, links } = await make();
      const large = new Uint8Array(6 * 2 ** 20).fill(7);

      const statuses = [];
      for (const [key, body] of [
        ['empty', new Uint8Array()],
        ['large', large],
      ] as const) {
        const put = await links.signPut(key, { bytes: body.length, contentType: TYPE, expiresSeconds: 60 });
        statuses.push((await send(put, body)).status);
      }

      expect(statuses).toEqual([200, 200]);
      expect((await store.head('empty'))?.bytes).toBe(0);
      expect(Buffer.compare(await store.get('large'), large)).toBe(0);
    });

    it('refuses a second upload of the same object, and keeps the first', async () => {
      const { store, links } = await make();
      const put = await links.signPut('k', { bytes: 5, contentType: TYPE, expiresSeconds: 60 });
      await send(put, 'first');

      const again = await send(put, 'other');

      expect(again.status).toBe(412);
      expect(text(await store.get('k'))).toBe('first');
    });

    for (const [what, change] of Object.entries(CHANGES))
      test(`refuses an upload with ${what}`, async () => {
        const { store, links } = await make();
        const put = await links.signPut('uploads/u/input', {
          bytes: 5,
          contentType: TYPE,
          expiresSeconds: 60,
        });
        const { body = 'bytes', ...changed } = change(put);

        const answer = await send({ ...put, ...changed }, body);

        expect(answer.status).toBe(403);
        expect(await store.list('')).toEqual([]);
      });

    test('refuses a download with no signature', async () => {
      const { store, links } = await make();
      await store.put('k', 'bytes');
      const { url } = await links.signGet('k', { expiresSeconds: 60 });

      const answer = await fetch(url.split('?')[0]!);

      expect(answer.status).toBe(403);
    });

    it('refuses a link to read with as one to write with, and the reverse', async () => {
      const { store, links } = await make();
      await store.put('k', 'bytes');
      const get = await links.signGet('k', { expiresSeconds: 60 });
      const put = await links.signPut('k', { bytes: 5, contentType: TYPE, expiresSeconds: 60 });

      expect((await send({ ...get, method: 'PUT' }, 'other')).status).toBe(403);
      expect((await fetch(put.url)).status).toBe(403);
      expect((await fetch(get.url, { method: 'DELETE' })).status).toBe(403);
      expect(text(await store.get('k'))).toBe('bytes');
    });

    it('refuses links that have expired', async () => {
      const { store, linksAt } = await make();
      await store.put('k', 'bytes');
      const links = linksAt({ now: () => Date.now() - 7_200_000 });
      const get = await links.signGet('k', { expiresSeconds: 60 });
      const put = await links.signPut('new', { bytes: 5, contentType: TYPE, expiresSeconds: 60 });

      expect((await fetch(get.url)).status).toBe(403);
      expect((await send(put, 'bytes')).status).toBe(403);
      expect(get.expiresAt).toBeLessThan(Date.now());
      expect(await store.head('new')).toBeNull();
    });

    it('gives an object, or the range that is asked for', async () => {
      const { store, links } = await make();
      await store.put('k', '0123456789');
      const { url } = await links.signGet('k', { expiresSeconds: 60, contentType: 'application/zip' });

      const ranged = async (range: string): Promise<readonly [number, string, string | null]> => {
        const answer = await fetch(url, { headers: { range } });
        return [answer.status, await answer.text(), answer.headers.get('content-range')];
      };

      const whole = await fetch(url);
      expect(whole.headers.get('content-type')).toBe('application/zip');
      expect(whole.headers.get('content-length')).toBe('10');
      expect(await whole.text()).toBe('0123456789');
      expect(await ranged('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10']);
      expect(await ranged('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10']);
      expect(await ranged('bytes=-3')).toEqual([206, '789', 'bytes 7-9/10']);
      expect(await ranged('bytes=8-99')).toEqual([206, '89', 'bytes 8-9/10']);
      expect((await ranged('bytes=10-'))[0]).toBe(416);
    });

    it('answers 404 for an object that is not there', async () => {
      const { links } = await make();

      const { url } = await links.signGet('missing', { expiresSeconds: 60 });

      expect((await fetch(url)).status).toBe(404);
    });

    it.each([
      'results.zip',
      "Bräuer, O'Neil (1).zip",
      'a"b\\c.zip',
      '肝臓 100%.zip',
      'line\r\nset-cookie: x.zip',
    ])('saves under the name %j', async (downloadName) => {
      const { store, links } = await make();
      await store.put('k', 'bytes');

      const { url } = await links.signGet('k', { expiresSeconds: 60, downloadName });
      const answer = await fetch(url);

      const value = answer.headers.get('content-disposition') ?? '';
      expect(value).toMatch(/^attachment; filename="[^"]*"; filename\*=UTF-8''\S+$/);
      expect(decodeURIComponent(value.split("UTF-8''")[1]!)).toBe(downloadName);
      expect(answer.headers.get('set-cookie')).toBeNull();
    });

    describeUploadsInParts(make);
  });
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The same link with one digit of its signature changed. */
function tampered(url: string): string {
  return url.replace(
    /(signature=)([0-9a-f])/i,
    (_, name: string, digit: string) => `${name}${digit === '0' ? '1' : '0'}`,
  );
}
