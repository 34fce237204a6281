import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processScratch } from '../../../adapters/intake/process-scratch.ts';

const MODULE = fileURLToPath(new URL('../../../adapters/intake/process-scratch.ts', import.meta.url));

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'hpb-scratch-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Another process that has a CT in its folder; told by the name of that folder. */
async function other(): Promise<{ readonly name: string; readonly end: () => Promise<unknown> }> {
  const program = `
    import { writeFileSync } from 'node:fs';
    import { processScratch } from ${JSON.stringify(MODULE)};
    const folder = await processScratch(${JSON.stringify(root)});
    writeFileSync(folder + '/ct', 'a CT');
    console.log(folder);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const ended = once(child, 'exit');
  return {
    name: basename(line.toString().trim()),
    end: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

describe('the scratch folder of a process', () => {
  it('is emptied of what a killed process has left, and of nothing that a living one works with', async () => {
    const [killed, living] = [await other(), await other()];
    await killed.end();
    await mkdir(join(root, 'not-ours'));

    const own = await processScratch(root);

    expect(readdirSync(root).toSorted()).toEqual([basename(own), living.name, 'not-ours'].toSorted());
    expect(readdirSync(join(root, living.name))).toEqual(['ct']);
    await living.end();
  });

  it('is the same one every time, with what lies in it', async () => {
    writeFileSync(join(await processScratch(root), 'ct'), 'a CT');

    expect(readdirSync(await processScratch(root))).toEqual(['ct']);
  });

  it('says so where it cannot be made', async () => {
    writeFileSync(join(root, 'file'), '');

    await expect(processScratch(join(root, 'file'))).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });
});
