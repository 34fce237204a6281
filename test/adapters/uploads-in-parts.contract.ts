import { describe, expect, it } from 'vitest';
import type { SignedLinks } from '../../core/ports.ts';
import { send, type LinkBench } from '../fixtures/link-bench.ts';

/** Parts other than the last have at least so much. */
const PART = 5 * 2 ** 20;
const TYPE = 'application/octet-stream';

/** Of `signedLinksContract`: uploads in parts. */
export function describeUploadsInParts(make: () => Promise<LinkBench>): void {
  describe('uploads in parts', () => {
    it('takes an upload in parts, in any order, and a part again', async () => {
      const { store, links } = await make();
      const id = await links.startMultipart('k', { contentType: TYPE });
      const first = new Uint8Array(PART).fill(1);

      await sendPart(links, { id, part: 2, body: 'the end' });
      await sendPart(links, { id, part: 1, body: new Uint8Array(PART) });
      await sendPart(links, { id, part: 1, body: first });
      const parts = await links.listParts('k', id);
      const facts = await links.completeMultipart('k', id, parts);

      expect(parts.map(({ part, bytes }) => [part, bytes])).toEqual([
        [1, PART],
        [2, 7],
      ]);
      expect(facts).toMatchObject({ key: 'k', bytes: PART + 7 });
      expect(Buffer.compare(await store.get('k'), Buffer.concat([first, Buffer.from('the end')]))).toBe(0);
      expect((await store.head('k'))?.tag).toBe(facts.tag);
    });

    it('shows nothing of an upload in parts before it is completed', async () => {
      const { store, links } = await make();
      const id = await links.startMultipart('k', { contentType: TYPE });

      await sendPart(links, { id, part: 1, body: 'part' });

      expect(await store.head('k')).toBeNull();
      expect(await store.list('')).toEqual([]);
    });

    it('refuses a part of another size, or as another part', async () => {
      const { links } = await make();
      const id = await links.startMultipart('k', { contentType: TYPE });
      const put = await links.signPart('k', id, { part: 1, bytes: 4, expiresSeconds: 60 });

      const longer = await send({ ...put, headers: { 'content-length': '5' } }, 'bytes');
      const other = await send({ ...put, url: put.url.replace(/([?&]part(?:Number)?=)1/, '$12') }, 'part');

      expect([longer.status, other.status]).toEqual([403, 403]);
      expect(await links.listParts('k', id)).toEqual([]);
    });

    it('does not complete with parts that have not arrived', async () => {
      const { store, links } = await make();
      const id = await links.startMultipart('k', { contentType: TYPE });
      await sendPart(links, { id, part: 1, body: 'part' });
      const [arrived] = await links.listParts('k', id);

      const refused = { code: 'UPLOAD_INCOMPLETE' };
      await expect(
        links.completeMultipart('k', id, [{ ...arrived!, tag: '"0123456789abcdef0123456789abcdef"' }]),
      ).rejects.toMatchObject(refused);
      await expect(
        links.completeMultipart('k', id, [arrived!, { ...arrived!, part: 2 }]),
      ).rejects.toMatchObject(refused);

      expect(await store.head('k')).toBeNull();
      expect(await links.listParts('k', id)).toHaveLength(1);
    });

    it('does not complete over an object that is there', async () => {
      const { store, links } = await make();
      const id = await links.startMultipart('k', { contentType: TYPE });
      await sendPart(links, { id, part: 1, body: 'part' });
      const parts = await links.listParts('k', id);
      await store.put('k', 'first');

      await expect(links.completeMultipart('k', id, parts)).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });

      expect(text(await store.get('k'))).toBe('first');
    });

    it('completes once, and then knows the upload no longer', async () => {
      const { store, links } = await make();
      const id = await links.startMultipart('k', { contentType: TYPE });
      await sendPart(links, { id, part: 1, body: 'part' });
      const parts = await links.listParts('k', id);
      const facts = await links.completeMultipart('k', id, parts);

      const again = await links
        .completeMultipart('k', id, parts)
        .then(({ tag }) => tag)
        .catch((error: { code: string }) => error.code);

      // S3 repeats its answer for a while.
      expect(['UPLOAD_NOT_FOUND', 'OBJECT_EXISTS', facts.tag]).toContain(again);
      await expect(links.listParts('k', id)).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
      expect(text(await store.get('k'))).toBe('part');
    });

    it('forgets an aborted upload, also twice, and takes no more parts of it', async () => {
      const { store, links } = await make();
      const id = await links.startMultipart('k', { contentType: TYPE });
      await sendPart(links, { id, part: 1, body: 'part' });
      const late = await links.signPart('k', id, { part: 2, bytes: 4, expiresSeconds: 60 });

      await links.abortMultipart('k', id);
      await links.abortMultipart('k', id);

      await expect(links.listParts('k', id)).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
      expect((await send(late, 'late')).status).toBe(404);
      expect(await store.list('')).toEqual([]);
    });
  });
}

async function sendPart(
  links: SignedLinks,
  {
    id,
    part,
    body,
  }: { readonly id: string; readonly part: number; readonly body: string | Uint8Array<ArrayBuffer> },
): Promise<void> {
  const put = await links.signPart('k', id, { part, bytes: body.length, expiresSeconds: 60 });
  const answer = await send(put, body);
  expect(answer.status).toBe(200);
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
