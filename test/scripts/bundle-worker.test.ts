import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { writeZip } from '../../adapters/zip-archive.ts';
import { unsigned } from '../../adapters/native-crc32.ts';
import { bundleForImage } from '../../scripts/bundle-worker.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

it('sums up as CRC-32 is defined, in one piece or several', () => {
  const bytes = Buffer.from('123456789');

  expect(unsigned(bytes)).toBe(0xcb_f4_39_26);
  expect(unsigned(bytes.subarray(4), unsigned(bytes.subarray(0, 4)))).toBe(0xcb_f4_39_26);
});

it('packs in the image, by native sums, what is packed in a checkout', async () => {
  const folder = tempFolder();
  mkdirSync(join(folder, 'bundle'));
  writeFileSync(join(folder, 'bundle', 'package.json'), '{"type":"module"}');
  await bundleForImage(
    { zip: join(import.meta.dirname, '../../adapters/zip-archive.ts') },
    join(folder, 'bundle'),
  );
  const path = join(folder, 'a.json');
  writeFileSync(path, Buffer.alloc(300_000, 'volume '));
  const members = [
    { name: 'a.json', path },
    { name: 'a.png', path },
  ];

  const bundle = (await import(pathToFileURL(join(folder, 'bundle/zip.js')).href)) as {
    writeZip: typeof writeZip;
  };
  const bundled = await bundle.writeZip(join(folder, 'bundled.zip'), members);

  expect(bundled).toEqual(await writeZip(join(folder, 'plain.zip'), members));
  expect(readFileSync(join(folder, 'bundle/zip.js'), 'utf8')).not.toContain('buffer-crc32');
});
