import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../fixtures/hpb-command.ts';

const FOLDER = join(ROOT, 'container', 'engine', 'demo-weights');
const LARGEST_BYTES = 4e6;

interface Manifest {
  readonly notice: string;
  readonly sets: Record<string, { files: Record<string, { bytes: number; sha256: string }> }>;
}
const manifest = JSON.parse(readFileSync(join(FOLDER, 'manifest.json'), 'utf8')) as Manifest;

const onDisk = readdirSync(FOLDER, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(FOLDER, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));

describe('the demo weights', () => {
  it('are the files that their manifest names, byte by byte', () => {
    const listed = Object.assign({}, ...Object.values(manifest.sets).map(({ files }) => files)) as Record<
      string,
      { bytes: number; sha256: string }
    >;
    const found = Object.fromEntries(
      onDisk
        .filter((path) => path.includes('/'))
        .map((path) => {
          const content = readFileSync(join(FOLDER, path));
          return [
            path,
            { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') },
          ];
        }),
    );

    expect(found).toEqual(listed);
  });

  it('take 4 MB at most', () => {
    const bytes = onDisk.reduce((sum, path) => sum + readFileSync(join(FOLDER, path)).length, 0);

    expect(bytes).toBeLessThanOrEqual(LARGEST_BYTES);
  });

  it('say that they are DEMO', () => {
    expect(manifest.notice).toContain('DEMO');
  });
});
