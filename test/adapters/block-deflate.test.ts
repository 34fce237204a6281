import { randomBytes } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { BlockDeflate } from '../../adapters/block-deflate.ts';

const BLOCK = 2 ** 16;
let blocks: BlockDeflate;
afterEach(() => blocks.close());

const inflated = (pieces: readonly Uint8Array[]): Buffer => inflateSync(Buffer.concat(pieces));

describe('compressed blocks', () => {
  it('are zlib streams of their own, one after another and at the same time', async () => {
    blocks = new BlockDeflate(1, BLOCK);
    const contents = [1, 2, 3, 4, 5, 6].map((value) => Buffer.alloc(BLOCK - value, value));

    for (const content of contents) expect(inflated(await blocks.deflate(content))).toEqual(content);
    const together = await Promise.all(contents.map((content) => blocks.deflate(content)));

    expect(together.map(inflated)).toEqual(contents);
  });

  it('are the same whatever was compressed before', async () => {
    blocks = new BlockDeflate(1, BLOCK);
    const content = Buffer.from('a liver in the scan '.repeat(100));
    const first = Buffer.concat(await blocks.deflate(content));
    await blocks.deflate(randomBytes(BLOCK));

    expect(Buffer.concat(await blocks.deflate(content))).toEqual(first);
  });

  it('come in several pieces where they do not shrink or are larger than usual', async () => {
    blocks = new BlockDeflate(1, BLOCK);
    for (const bytes of [BLOCK, 10 * BLOCK]) {
      const content = randomBytes(bytes);
      const pieces = await blocks.deflate(content);

      expect(pieces.length).toBeGreaterThan(1);
      expect(inflated(pieces)).toEqual(content);
    }
  });

  it('stay whole when the pieces of earlier ones are given back', async () => {
    blocks = new BlockDeflate(1, BLOCK);
    const given: Uint8Array[] = [];
    for (let turn = 0; turn < 20; turn++) {
      const content = randomBytes(BLOCK / 2 + turn);
      const pieces = await blocks.deflate(content);
      expect(inflated(pieces)).toEqual(content);
      for (const piece of pieces) {
        blocks.release(piece);
        given.push(piece);
      }
    }

    expect(given.filter(({ length }) => length === 0).length).toBeGreaterThan(5);
  });
});
