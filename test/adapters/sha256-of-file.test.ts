import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256OfFile } from '../../adapters/sha256-of-file.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

describe('the checksum of a file', () => {
  it.each([0, 1, 2 ** 18, 2 ** 18 + 1, 3 * 2 ** 18 - 1])('is that of its %i bytes', async (bytes) => {
    const content = randomBytes(bytes);
    const path = join(tempFolder(), 'file');
    writeFileSync(path, content);

    expect(await sha256OfFile(path)).toBe(createHash('sha256').update(content).digest('hex'));
  });

  it('fails as the file system does', async () => {
    await expect(sha256OfFile(join(tempFolder(), 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
