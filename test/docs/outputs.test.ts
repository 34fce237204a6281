import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getFileInfo } from 'prettier';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const IGNORES = ['.gitignore', '.prettierignore'].map((name) => join(ROOT, name));

/** Folders that commands of the README write into, the default of `hpb segment` among them. */
function outputFolders(): readonly string[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const named = [...readme.matchAll(/npx hpb .*--out (\S+)/g)].map(([, folder]) => folder!);
  return [...new Set(['hpb-results', ...named])];
}

describe('what a command of the README writes into the checkout', () => {
  it.each(outputFolders())('is no matter of the checks, which would fail on it: %s/', async (folder) => {
    for (const file of ['scan/metadata.json', 'scan/report.html', 'phantom.json']) {
      const path = join(ROOT, folder, file);
      expect(await getFileInfo(path, { ignorePath: IGNORES })).toMatchObject({ ignored: true });
    }
  });
});
