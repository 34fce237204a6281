import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeNifti } from '../../../adapters/nifti-file.ts';
import { smallCt } from '../../container/worker-bench.ts';
import { fakeVenv } from '../../fixtures/fake-host.ts';
import { hpb, hpbHere, type CommandResult } from '../../fixtures/hpb-command.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

const FILES = [
  'ct_volume.vti',
  'liver.nii.gz',
  'meshes.glb',
  'meta.json',
  'metadata.json',
  'previews',
  'receipt.json',
  'report.html',
  'run.json',
  'segmentations',
  'task008.nii.gz',
];

let folder: string;
let ct: string;
let out: string;

beforeEach(async () => {
  folder = tempFolder();
  ct = join(folder, 'scan.nii.gz');
  out = join(folder, 'out');
  await writeNifti(ct, smallCt());
});

/** `hpb segment` with an engine that behaves so. */
const segment = (
  behaviour: string,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<CommandResult> =>
  hpb(['segment', ct, '--out', out, ...args], {
    HPB_DATA_ROOT: join(folder, 'data'),
    HPB_VENV: fakeVenv(folder, behaviour),
    HPB_WEIGHTS: 'demo',
    ...environment,
  });

interface Line {
  readonly event: string;
  readonly [field: string]: unknown;
}
const linesOf = ({ stdout }: CommandResult): Line[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

describe('hpb segment', () => {
  it('shows what was found and where it is, and says DEMO', async () => {
    const { code, stdout, stderr } = await segment('ok');

    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^liver +liver +\d+\.\d$/m);
    expect(stdout).toContain(`Results: ${join(out, 'scan')}\n`);
    expect(stdout).toContain('DEMO WEIGHTS');
    expect(stdout).toContain('Not a medical device');
    expect(stderr).toContain('scan: liver predict');
    expect(readdirSync(join(out, 'scan')).sort()).toEqual(FILES);
  });

  it('says every step as a JSON line with --json, and nothing else', async () => {
    const result = await segment('ok', ['--json']);

    const lines = linesOf(result);
    expect(result.code).toBe(0);
    expect(lines[0]).toEqual({ event: 'started', cases: ['scan'], device: 'auto' });
    expect(lines.filter(({ event }) => event === 'progress').length).toBeGreaterThan(5);
    expect(lines.at(-2)).toMatchObject({ event: 'case', outcome: 'succeeded', metadata: { demo: true } });
    expect(lines.at(-1)).toEqual({ event: 'finished', succeeded: 1, failed: 0 });
  });

  it('takes up no further CT after Ctrl-C', async () => {
    const cancel = new AbortController();
    const missing = Array.from({ length: 3 }, (_, at) => join(folder, `scan-${at}.nii`));
    const { code, stderr } = await hpbHere(
      ['segment', ...missing, '--out', out],
      { HPB_DATA_ROOT: join(folder, 'data'), HPB_VENV: fakeVenv(folder, 'ok') },
      { signal: cancel.signal, onText: (text) => text.includes('3 CT on') && cancel.abort() },
    );

    expect(code).toBe(130);
    expect(stderr).not.toContain('INPUT_NOT_FOUND');
  });

  it('replaces the results of an earlier run of the same CT', async () => {
    await segment('ok');
    const before = statSync(join(out, 'scan_results.zip')).ino;

    const { code, stderr } = await segment('ok', ['--model', 'liver']);

    expect(code, stderr).toBe(0);
    expect(readdirSync(join(out, 'scan')).sort()).toEqual(FILES.filter((name) => !name.startsWith('task')));
    expect(statSync(join(out, 'scan_results.zip')).ino).not.toBe(before);
    expect(readdirSync(out).sort()).toEqual(['scan', 'scan_results.zip']);
  });

  it('refuses, before an engine starts, a place that holds something of its user', async () => {
    mkdirSync(join(out, 'scan'), { recursive: true });
    writeFileSync(join(out, 'scan', 'thesis.txt'), 'mine');

    const { code, stderr } = await segment('ok', [], { HPB_LOG_LEVEL: 'debug' });

    expect(code).toBe(14);
    expect(stderr).toContain('thesis.txt');
    expect(stderr).toContain('--out');
    expect(stderr).not.toContain('engine:start');
    expect(readFileSync(join(out, 'scan', 'thesis.txt'), 'utf8')).toBe('mine');
  });

  it('ends with 14 when the folder of results cannot be made', async () => {
    writeFileSync(out, 'a file');

    const { code, stderr } = await segment('ok');

    expect(code).toBe(14);
    expect(stderr).toContain('Code: OUTPUT_UNWRITABLE');
  });

  it('ends a model that takes longer than --timeout', async () => {
    const { code, stderr } = await segment('slow', ['--timeout', '1']);

    expect(code).toBe(35);
    expect(stderr).toContain('Code: ENGINE_TIMEOUT');
    expect(readdirSync(out)).toEqual([]);
  });

  it('ends with the code of an engine that dies', async () => {
    const { code, stderr } = await segment('dies');

    expect(code).toBe(34);
    expect(stderr).toContain('Code: ENGINE_DIED');
  });

  it('ends with 13 when the engines are not installed', async () => {
    const { code, stderr } = await segment('ok', [], { HPB_VENV: join(folder, 'none') });

    expect(code).toBe(13);
    expect(stderr).toContain('Code: ENGINES_NOT_INSTALLED');
  });

  it('ends with 16 at a setting that cannot be', async () => {
    const { code, stderr } = await segment('ok', [], { HPB_DEVICE: 'abacus' });

    expect(code).toBe(16);
    expect(stderr).toContain('HPB_DEVICE="abacus"');
  });

  it('keeps what the engines read and wrote where the settings say, with --keep-intermediate', async () => {
    const roots = { HPB_IN_ROOT: join(folder, 'in'), HPB_OUT_ROOT: join(folder, 'raw') };
    await segment('ok', ['--model', 'liver'], roots);
    const withoutIt = Object.values(roots).flatMap((root) => readdirSync(root));

    await segment('ok', ['--model', 'liver', '--keep-intermediate'], roots);

    const kept = (root: string): string[] =>
      (readdirSync(root, { recursive: true }) as string[]).map((path) => path.replace(/^worker-[^/]+\//, ''));
    expect(withoutIt).toEqual([]);
    expect(kept(roots.HPB_IN_ROOT)).toContain('c0001/in/ct.nii.gz');
    expect(kept(roots.HPB_OUT_ROOT)).toContain('c0001/out/raw-liver.nii.gz');
    expect(existsSync(join(folder, 'data', 'scratch'))).toBe(false);
  });
});

describe('a wrong command line ends with 2 and says what is wrong:', () => {
  let results: Map<string, CommandResult>;
  const LINES = {
    'a command that is not there': ['divide'],
    'no CT': ['segment'],
    'an option that is not there': ['segment', 'a.nii', '--quick'],
    'a model that is not there': ['segment', 'a.nii', '--model', 'lungs'],
    'folds that are none': ['segment', 'a.nii', '--folds', '0,7'],
    'no time': ['segment', 'a.nii', '--timeout', '0'],
    'more time than a timer counts': ['segment', 'a.nii', '--timeout', '2592000'],
    'a device that is none': ['segment', 'a.nii', '--device', 'abacus'],
    'no folder for a phantom': ['phantom'],
  };

  beforeAll(async () => {
    results = new Map();
    for (const [what, args] of Object.entries(LINES)) results.set(what, await hpb(args));
  });

  it.each(Object.keys(LINES))('%s', (what) => {
    const { code, stdout, stderr } = results.get(what)!;

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error: /);
    expect(stderr).toContain('--help');
  });
});
