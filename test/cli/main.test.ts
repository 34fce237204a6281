import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { smallCt } from '../container/worker-bench.ts';
import { fakeVenv } from '../fixtures/fake-host.ts';
import { hpb, startNode, startProgram, type RunningCommand } from '../fixtures/hpb-command.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

let folder: string;
let ct: string;
let out: string;

beforeEach(async () => {
  folder = tempFolder();
  ct = join(folder, 'scan.nii.gz');
  out = join(folder, 'out');
  await writeNifti(ct, smallCt());
});

const environment = (behaviour: string): Readonly<Record<string, string>> => ({
  HPB_DATA_ROOT: join(folder, 'data'),
  HPB_VENV: fakeVenv(folder, behaviour),
  HPB_WEIGHTS: 'demo',
});

/** `hpb segment` with an engine that behaves so. */
const segmenting = (behaviour: string): RunningCommand =>
  startNode(['cli/hpb.js', 'segment', ct, '--out', out], environment(behaviour));

/** Runs a command on a terminal of its own until the engine works, does `then` to that terminal, and prints the end. */
const onTerminal = (then: string, behaviour: string): RunningCommand => {
  const script = `
import os, pty, sys, time
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shown = b''
while b'predict' not in shown:
    shown += os.read(terminal, 4096)
${then}
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown)
`;
  const args = ['-c', script, process.execPath, 'cli/hpb.js', 'segment', ct, '--out', out];
  return startProgram('python3', args, environment(behaviour));
};

const TWICE_CTRL_C = `
for _ in range(2):
    os.write(terminal, b'\\x03')
    time.sleep(0.2)
try:
    while chunk := os.read(terminal, 4096):
        shown += chunk
except OSError:
    pass
`;

describe('what becomes of a run when', () => {
  it('nobody reads its output any more, as in 2>&1 | head: it goes on', async () => {
    const { child, ended } = segmenting('ok');
    child.stdout!.destroy();
    child.stderr!.destroy();

    expect((await ended).code).toBe(0);
    expect(readdirSync(out).sort()).toEqual(['scan', 'scan_results.zip']);
  });

  it.skipIf(!existsSync('/dev/full'))('the disk is full that its answer goes to: it says so', async () => {
    const args = ['-c', `exec "${process.execPath}" cli/hpb.js check "${ct}" --json >/dev/full`];
    const { code, stderr } = await startProgram('/bin/sh', args, {}).ended;

    expect(code).toBe(11);
    expect(stderr).toContain('DISK_FULL');
  });

  it('its terminal is closed: it ends and leaves no CT behind', async () => {
    const { stdout, stderr } = await onTerminal('os.close(terminal)', 'slow').ended;

    expect(stdout, stderr).toMatch(/^130 /);
    const scratch = join(folder, 'data', 'scratch');
    expect(readdirSync(scratch).flatMap((root) => readdirSync(join(scratch, root)))).toEqual([]);
  });

  it('Ctrl-C is pressed twice: it ends at once, and the terminal has its cursor', async () => {
    const { stdout, stderr } = await onTerminal(TWICE_CTRL_C, 'stubborn').ended;

    expect(stdout, stderr).toMatch(/^130 /);
    expect(stdout).toContain('[?25l');
    expect(stdout.lastIndexOf('[?25h')).toBeGreaterThan(stdout.lastIndexOf('[?25l'));
    expect(stdout).not.toContain('FAILED');
  });

  it('a terminal is closed that it does not write to, as under nohup: it goes on', async () => {
    const { child, ended, printed } = segmenting('leisurely');
    await printed('segment');
    child.kill('SIGHUP');

    expect((await ended).code).toBe(0);
    expect(readdirSync(out).sort()).toEqual(['scan', 'scan_results.zip']);
  });
});

describe('hpb help', () => {
  it.each([
    ['jobs', 'Usage: hpb jobs'],
    ['models pull', 'Usage: hpb models pull'],
    ['', 'Start here:'],
  ])('%s shows how it is used', async (names, words) => {
    const { code, stdout } = await hpb(['help', ...names.split(' ').filter(Boolean)]);

    expect(code).toBe(0);
    expect(stdout).toContain(words);
  });

  it.each(['nosuch', 'models nosuch'])('%s says that there is no such command', async (names) => {
    const { code, stderr } = await hpb(['help', ...names.split(' ')]);

    expect(code).toBe(2);
    expect(stderr).toContain(`There is no command "${names}".`);
    expect(stderr).toContain('hpb --help');
  });
});

it('tells wrong usage as a JSON line with --json', async () => {
  const { code, stdout } = await hpb(['segment', 'a.nii', '--folds', '0,7', '--json']);

  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({ event: 'error', error: { code: 'USAGE' } });
  expect(stdout).toContain('Folds are numbers');
});
