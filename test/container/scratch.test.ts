import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openScratch } from '../../container/scratch.ts';
import { caseIdOf } from '../../core/layout.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

function roots() {
  const folder = tempFolder();
  return { in: join(folder, 'in'), out: join(folder, 'out') };
}

/** Another process opens scratch below these roots, takes a case, and dies without a word. */
function crash(folders: ReturnType<typeof roots>): void {
  const module = new URL('../../container/scratch.ts', import.meta.url).href;
  const script = `const { openScratch } = await import(${JSON.stringify(module)});
    const { writeFileSync } = await import('node:fs');
    const quiet = () => undefined;
    const log = { info: quiet, warn: quiet, error: quiet, debug: quiet };
    const scratch = await openScratch(${JSON.stringify(folders)}, log);
    const one = await scratch.forCase('c0001');
    writeFileSync(one.in + '/ct.nii.gz', 'x');
    process.kill(process.pid, 'SIGKILL');`;
  expect(() => execFileSync(process.execPath, ['--input-type=module', '-e', script])).toThrow();
}

describe('scratch', () => {
  it('is for its owner only', async () => {
    const root = join(tempFolder(), 'scratch');
    await openScratch({ in: root, out: root }, memoryLog());

    const [worker] = readdirSync(root);
    expect(statSync(join(root, worker!)).mode & 0o077).toBe(0);
  });

  it('has folders of its own for each case, and removes them', async () => {
    const folders = roots();
    const scratch = await openScratch(folders, memoryLog());

    const one = await scratch.forCase(caseIdOf(1));
    writeFileSync(join(one.in, 'ct.nii.gz'), 'x');
    writeFileSync(join(one.out, 'liver.nii.gz'), 'x');
    await one.remove();

    expect([existsSync(one.in), existsSync(one.out)]).toEqual([false, false]);
    expect(existsSync(scratch.temporary)).toBe(true);
  });

  it.each([true, false])('gives a later case empty folders too (one root: %s)', async (oneRoot) => {
    const folders = roots();
    const scratch = await openScratch({ ...folders, ...(oneRoot && { out: folders.in }) }, memoryLog());
    const [first, second] = [await scratch.forCase(caseIdOf(1)), await scratch.forCase(caseIdOf(2))];
    for (const { in: ct, out } of [first, second]) {
      mkdirSync(join(out, 'segmentations'));
      writeFileSync(join(out, 'segmentations', 'liver.vtp'), 'x');
      writeFileSync(join(ct, 'ct.nii.gz'), 'x');
    }
    await first.remove();
    await first.remove();

    const third = await scratch.forCase(caseIdOf(3));

    expect([readdirSync(third.in), readdirSync(third.out)]).toEqual([[], []]);
    expect([existsSync(first.in), readdirSync(second.in)]).toEqual([false, ['ct.nii.gz']]);
    await scratch.close(false);
    expect(readdirSync(folders.in)).toEqual([]);
  });

  it('is gone when it is closed', async () => {
    const folders = roots();
    const scratch = await openScratch(folders, memoryLog());
    await scratch.forCase(caseIdOf(1));

    await scratch.close(false);

    expect([readdirSync(folders.in), readdirSync(folders.out)]).toEqual([[], []]);
  });

  it('does not hand a case what its last attempt left', async () => {
    const scratch = await openScratch(roots(), memoryLog());
    const first = await scratch.forCase(caseIdOf(1));
    writeFileSync(join(first.out, 'liver.nii.gz'), 'old');

    const second = await scratch.forCase(caseIdOf(1));

    expect(readdirSync(second.out)).toEqual([]);
  });

  it('of a worker that crashed is removed by the next one', async () => {
    const folders = roots();
    crash(folders);
    expect(readdirSync(folders.in)).toHaveLength(1);
    const log = memoryLog();

    const scratch = await openScratch(folders, log);
    await scratch.close(false);

    expect([readdirSync(folders.in), readdirSync(folders.out)]).toEqual([[], []]);
    expect(log.events()).toEqual(['worker:scratch-removed', 'worker:scratch-removed']);
  });

  it('of a worker that runs, and folders that are not ours, stay', async () => {
    const folders = roots();
    const other = await openScratch(folders, memoryLog());
    const one = await other.forCase(caseIdOf(1));
    mkdirSync(join(folders.in, 'worker-of-somebody'));
    writeFileSync(
      join(folders.in, 'worker-of-somebody', 'owner.json'),
      '{"host":"x","pid":1,"started":null}',
    );

    await openScratch(folders, memoryLog());

    expect(existsSync(one.in)).toBe(true);
    expect(existsSync(join(folders.in, 'worker-of-somebody'))).toBe(true);
  });

  it('that was kept is not removed by the next one', async () => {
    const folders = roots();
    const scratch = await openScratch(folders, memoryLog());
    const one = await scratch.forCase(caseIdOf(1));

    await scratch.close(true);
    await openScratch(folders, memoryLog());

    expect(existsSync(one.in)).toBe(true);
    expect(existsSync(scratch.temporary)).toBe(false);
  });

  it('that cannot be made says so', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'file'), '');

    await expect(openScratch({ in: join(folder, 'file'), out: folder }, memoryLog())).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
    });
  });
});

describe('scratch that containers share', () => {
  const CONTAINERS = { inContainers: true };

  it('of a worker whose process is not to be seen stays as long as it is touched', async () => {
    const folders = roots();
    // Here a dead process stands for one that this container cannot see.
    crash(folders);
    const log = memoryLog();
    const scratch = await openScratch(folders, log, CONTAINERS);

    expect(readdirSync(folders.in)).toHaveLength(2);
    expect(log.events()).toEqual([]);
    await scratch.close(false);
  });

  it('of a worker that died long ago is removed', async () => {
    const folders = roots();
    crash(folders);
    const longAgo = new Date(Date.now() - 3_600_000);
    for (const root of [folders.in, folders.out])
      for (const name of readdirSync(root)) utimesSync(join(root, name, 'owner.json'), longAgo, longAgo);
    const log = memoryLog();
    const scratch = await openScratch(folders, log, CONTAINERS);

    expect([readdirSync(folders.in).length, readdirSync(folders.out).length]).toEqual([1, 1]);
    expect(log.events()).toContain('worker:scratch-removed');
    await scratch.close(false);
  });

  it('is touched by its worker, and gone when it is closed', async () => {
    const folders = roots();
    const scratch = await openScratch(folders, memoryLog(), CONTAINERS);
    const [name] = readdirSync(folders.in);
    const marker = join(folders.in, name!, 'owner.json');
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(marker, longAgo, longAgo);
    await expect.poll(() => Date.now() - statSync(marker).mtimeMs, { timeout: 10_000 }).toBeLessThan(60_000);

    await scratch.close(false);
    expect([readdirSync(folders.in), readdirSync(folders.out)]).toEqual([[], []]);
  });
});
