import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeFolder } from '../../adapters/make-folder.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

describe('making a folder', () => {
  it('makes its parents, and leaves what is there', async () => {
    const path = join(tempFolder(), 'a', 'b', 'c');

    await makeFolder(path);
    await makeFolder(path);

    expect(statSync(path).isDirectory()).toBe(true);
  });

  it('many times at once is making it once', async () => {
    const path = join(tempFolder(), 'a', 'b', 'c');

    await Promise.all(Array.from({ length: 20 }, () => makeFolder(path)));

    expect(statSync(path).isDirectory()).toBe(true);
  });

  it('follows a link to a folder', async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real'), join(folder, 'link'));

    await makeFolder(join(folder, 'link', 'a'));

    expect(existsSync(join(folder, 'real', 'a'))).toBe(true);
  });

  it.each(['file', 'file/a', 'file/a/b'])('fails where a file is in the way: %s', async (name) => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'file'), '');

    await expect(makeFolder(join(folder, name))).rejects.toMatchObject({
      code: name === 'file' ? 'EEXIST' : 'ENOTDIR',
    });
  });

  it.skipIf(!existsSync('/proc/self'))('fails where a file system takes no folder', async () => {
    await expect(makeFolder('/proc/hpb-results/a')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
