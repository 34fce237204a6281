import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canaryPhantom, phantomVolumes } from '../../core/canary.ts';
import { settingsSchema } from '../../core/settings.ts';
import { nodeOnDisk, noDisks } from '../fixtures/full-disk.ts';
import { ROOT, startNode, type CommandResult } from '../fixtures/hpb-command.ts';
import { closeServer, listen, urlOf } from '../fixtures/package-index.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const START = join('local', 'main.ts');
const BIN = join(ROOT, 'test', 'fixtures', 'bin');

/** What `npm start -- --once` runs, in a data root of its own. */
const start = (folder: string, environment: Record<string, string>): Promise<CommandResult> =>
  startNode([START, '--once'], { HPB_DATA_ROOT: join(folder, 'data'), ...environment }).ended;

/** The environment of the checkout is not used: one of this folder would have to be made. */
const fresh = (folder: string): Record<string, string> => ({ HPB_VENV: join(folder, 'venv') });

describe('npm start', () => {
  it('segments the synthetic CT and holds its volumes against the truth', { timeout: 300_000 }, async () => {
    const folder = tempFolder();

    const { code, stdout, stderr } = await start(folder, { HPB_VENV: join(ROOT, '.venv') });

    expect(code, stderr).toBe(0);
    const found = [
      ...stdout.matchAll(/^(liver|hepatic vessels|liver tumours) +[\d.]+ +[\d.]+ +([+-]\d+) %$/gm),
    ];
    const allowed = phantomVolumes(canaryPhantom()).map(({ tolerancePercent }) => tolerancePercent);
    expect(found.map(([, structure]) => structure)).toEqual(['liver', 'hepatic vessels', 'liver tumours']);
    for (const [at, [, structure, percent]] of found.entries())
      expect(Math.abs(Number(percent)), structure).toBeLessThanOrEqual(allowed[at]!);
    expect(stdout).toContain('DEMO WEIGHTS');
    const results = join(folder, 'data', 'demo', 'results', 'phantom');
    expect(stdout).toContain(`Results: ${results}\n`);
    expect(existsSync(join(results, 'metadata.json'))).toBe(true);
    expect(stderr).not.toMatch(/Making|Collecting|Downloading/);
  });

  it('takes nothing but --once, and says where to read on', async () => {
    const { code, stderr } = await startNode([START, '--twice']).ended;

    expect(code).toBe(2);
    expect(stderr).toContain('--twice');
    expect(stderr).toContain('--help');
  });

  it.each(['--help', '-h'])('explains itself with %s and starts nothing', async (option) => {
    const folder = tempFolder();
    const { code, stdout } = await startNode([START, option], {
      HPB_DATA_ROOT: join(folder, 'data'),
      ...fresh(folder),
    }).ended;

    expect(code).toBe(0);
    for (const word of [
      '--once',
      'http://127.0.0.1:8080',
      'Ctrl-C',
      'HPB_PORT',
      'HPB_DATA_ROOT',
      'settings.md',
    ])
      expect(stdout).toContain(word);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('names only settings that there are', async () => {
    const { stdout } = await startNode([START, '--help']).ended;

    for (const [name] of stdout.matchAll(/\bHPB_\w+/g))
      expect(Object.keys(settingsSchema.shape)).toContain(name);
  });

  it.skipIf(!existsSync('/proc/self'))('says which data root cannot be written to', async () => {
    const { code, stderr } = await startNode([START], {
      HPB_DATA_ROOT: '/proc/hpb',
      HPB_VENV: join(ROOT, '.venv'),
    }).ended;

    expect(code).toBe(14);
    expect(stderr).toContain('The data root /proc/hpb cannot be written to (ENOENT)');
  });
});

describe('npm start on a machine that lacks something', () => {
  it.each([
    ['python-3.10/python3', 'PYTHON_WRONG_VERSION'],
    ['python-without-venv/python3', 'PYTHON_NO_VENV'],
    ['no-such-python', 'PYTHON_MISSING'],
  ])('ends with 10 when the Python is %s', async (python, code) => {
    const folder = tempFolder();

    const result = await start(folder, { ...fresh(folder), HPB_PYTHON: join(BIN, python) });

    expect(result.code).toBe(10);
    expect(result.stderr).toContain(`Code: ${code}`);
    expect(result.stderr).toMatch(/What to do: .*Install Python 3\.11/);
    expect(existsSync(join(folder, 'venv', 'hpb-environment.json'))).toBe(false);
  });

  it.for(['empty', 'full'] as const)('ends with 11 on a small disk that is %s', async (state, context) => {
    const impossible = noDisks();
    if (impossible !== null) context.skip(impossible);
    const disk = join(tempFolder(), 'disk');
    mkdirSync(disk);

    const { code, stderr } = await nodeOnDisk({ folder: disk, state }, [START, '--once'], {
      HPB_DATA_ROOT: join(disk, 'data'),
      ...fresh(disk),
    });

    expect(code, stderr).toBe(11);
    expect(stderr).toContain('The engines need 6.0 GB');
    expect(stderr).toContain('Code: DISK_FULL');
    expect(stderr).toContain('What to do: Free some');
  });

  it('ends with 12 without a network', async () => {
    const gone = await listen(() => {});
    const url = urlOf(gone);
    await closeServer(gone);
    const folder = tempFolder();

    const { code, stderr } = await start(folder, {
      ...fresh(folder),
      HPB_TORCH_INDEX: `${url}/torch`,
      PIP_CONFIG_FILE: '/dev/null',
      PIP_INDEX_URL: `${url}/simple`,
      PIP_EXTRA_INDEX_URL: '',
      PIP_FIND_LINKS: '',
      PIP_NO_CACHE_DIR: '1',
      PIP_RETRIES: '1',
      NO_PROXY: '127.0.0.1',
      no_proxy: '127.0.0.1',
    });

    expect(code, stderr).toBe(12);
    expect(stderr).toContain('Code: NETWORK_UNREACHABLE');
    expect(stderr).toContain('What to do: Check the connection');
    expect(existsSync(join(folder, 'venv', 'hpb-environment.json'))).toBe(false);
  });
});
