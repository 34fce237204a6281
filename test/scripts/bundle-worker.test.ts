import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { writeZip } from '../../adapters/zip-archive.ts';
import { bundleForImage } from '../../scripts/bundle-worker.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

it('packs in the image what is packed in a checkout', async () => {
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
});
