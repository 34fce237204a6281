import { execFileSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseSettings } from '../../core/settings.ts';
import {
  ensureEngineEnvironment,
  type EnvironmentRequest,
  type EnvironmentStep,
} from '../../local/engine-environment/ensure-engine-environment.ts';
import { readMarker } from '../../local/engine-environment/environment-state.ts';
import { findPython } from '../../local/engine-environment/find-python.ts';
import { hasNvidiaGpu } from '../../local/engine-environment/nvidia.ts';
import {
  closeServer,
  listen,
  makeWheel,
  servePackages,
  urlOf,
  type PackageIndex,
} from '../fixtures/package-index.ts';

// Every test runs pip several times.
vi.setConfig({ testTimeout: 120_000 });

const packageRoot = join(import.meta.dirname, '..', '..');

let root: string;
/** An environment with nothing but pip, copied for every test: making one takes seconds. */
let bare: string;
let index: PackageIndex;
let cpuIndex: PackageIndex;
let folder: string;
let venv: string;
let lockFile: string;

/** pip sees the test's index and nothing of this machine's configuration. */
const environment = (): Record<string, string | undefined> => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  PIP_CONFIG_FILE: '/dev/null',
  PIP_INDEX_URL: index.url,
  PIP_NO_CACHE_DIR: '1',
  PIP_RETRIES: '1',
});

const request = (more: Partial<EnvironmentRequest> = {}, torchIndex = 'none'): EnvironmentRequest => ({
  settings: parseSettings({ HPB_VENV: venv, HPB_TORCH_INDEX: torchIndex }),
  packageRoot,
  environment: environment(),
  onStep: () => {},
  lockFile,
  // Whatever card the machine of the test has.
  hasGpu: async () => false,
  ...more,
});

const module = (name: string): string =>
  join(venv, 'lib', 'python3.11', 'site-packages', name, '__init__.py');

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'hpb-environment-'));
  bare = join(root, 'bare');
  const { command } = await findPython(parseSettings({}), process.env);
  execFileSync(command, ['-I', '-m', 'venv', bare]);
  index = await servePackages([
    await makeWheel('torch', '9.9.9'),
    await makeWheel('tiny-engine', '1.0'),
    await makeWheel('tiny-engine', '2.0'),
    await makeWheel('other-engine', '3.0'),
  ]);
  cpuIndex = await servePackages([await makeWheel('torch', '9.9.9+cpu')]);
});

afterAll(async () => {
  await index.close();
  await cpuIndex.close();
  await rm(root, { recursive: true });
});

beforeEach(async () => {
  folder = await mkdtemp(join(root, 'test-'));
  venv = join(folder, 'venv');
  lockFile = join(folder, 'requirements.lock');
  index.hangsAt = null;
  index.requests.length = 0;
  await writeFile(lockFile, '# engines\ntorch==9.9.9\ntiny-engine==1.0\n');
});

describe('a machine without the engines', () => {
  it('gets an environment with the pinned packages, and a second start does none of it again', async () => {
    const steps: EnvironmentStep[] = [];

    const first = await ensureEngineEnvironment(request({ onStep: (step) => steps.push(step) }));
    // Without a PATH nothing can be started: the second call must not need to.
    const second = await ensureEngineEnvironment(request({ environment: {}, onStep: () => expect.fail() }));

    expect(first).toEqual({ venv, python: join(venv, 'bin', 'python'), created: true });
    expect(second).toEqual({ ...first, created: false });
    expect((await readMarker(venv))?.versions).toMatchObject({ torch: '9.9.9', 'tiny-engine': '1.0' });
    expect(
      execFileSync(first.python, ['-c', 'import tiny_engine; print(tiny_engine.VERSION)'], {
        encoding: 'utf8',
      }),
    ).toBe('1.0\n');
    expect(existsSync(join(venv, 'lib/python3.11/site-packages/tiny_engine/__pycache__'))).toBe(true);
    expect([...new Set(steps.map(({ step }) => step))]).toEqual([
      'python',
      'venv',
      'torch',
      'packages',
      'check',
      'compile',
    ]);
    expect(existsSync(join(venv, 'hpb-tmp'))).toBe(false);
  });

  it('refuses to start on a disk that is too small, before anything is made', async () => {
    const refused = ensureEngineEnvironment(request({ bytesNeeded: 1e18 }));

    await expect(refused).rejects.toMatchObject({ code: 'DISK_FULL', details: { needed: 1e18 } });
    expect(existsSync(join(venv, 'bin'))).toBe(false);
  });

  it('says which folder cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    const inFile = parseSettings({ HPB_VENV: join(folder, 'file', 'venv') });

    await expect(ensureEngineEnvironment(request({ settings: inFile }))).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
      remedy: expect.stringContaining('HPB_VENV') as string,
    });
  });

  it('leaves a folder alone that holds something else', async () => {
    await mkdir(venv);
    await writeFile(join(venv, 'thesis.txt'), 'mine');

    await expect(ensureEngineEnvironment(request())).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
    expect(await readFile(join(venv, 'thesis.txt'), 'utf8')).toBe('mine');
  });
});

describe('an interrupted installation', () => {
  beforeEach(() => cpSync(bare, venv, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true }));

  it('is cancelled within seconds, is not taken for whole, and goes on where it stopped', async () => {
    const stop = new AbortController();
    index.hangsAt = 'tiny_engine';
    const onStep = ({ message }: EnvironmentStep): void => {
      if (message.startsWith('Downloading tiny_engine')) stop.abort();
    };

    await expect(ensureEngineEnvironment(request({ signal: stop.signal, onStep }))).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(await readMarker(venv)).toBeNull();
    expect(existsSync(join(venv, 'hpb-install.lock'))).toBe(false);
    const torchWas = await stat(module('torch'));
    index.hangsAt = null;
    index.requests.length = 0;
    const resumed = await ensureEngineEnvironment(request());

    expect(resumed.created).toBe(true);
    expect((await stat(module('torch'))).ino).toBe(torchWas.ino);
    expect(index.requests.filter((path) => path.startsWith('/files/torch'))).toEqual([]);
  });

  it('repairs packages that were left half-written, without a file, or without what pip writes last', async () => {
    await writeFile(lockFile, 'torch==9.9.9\ntiny-engine==1.0\nother-engine==3.0\n');
    await ensureEngineEnvironment(request());
    await writeFile(module('torch'), 'VER');
    await rm(module('tiny_engine'));
    await rm(join(module('other_engine'), '../../other_engine-3.0.dist-info/RECORD'));
    await writeFile(module('other_engine'), '');
    // What a start does first when it is about to change an environment.
    await rm(join(venv, 'hpb-environment.json'));

    const repaired = await ensureEngineEnvironment(request());

    expect(repaired.created).toBe(true);
    expect(await readFile(module('torch'), 'utf8')).toBe("VERSION = '9.9.9'\n");
    expect(await readFile(module('tiny_engine'), 'utf8')).toBe("VERSION = '1.0'\n");
    expect(await readFile(module('other_engine'), 'utf8')).toBe("VERSION = '3.0'\n");
  });

  it('is brought to the versions of a changed lock', async () => {
    await ensureEngineEnvironment(request());
    await writeFile(lockFile, 'torch==9.9.9\ntiny-engine==2.0\n');

    const updated = await ensureEngineEnvironment(request());

    expect(updated.created).toBe(true);
    expect((await readMarker(venv))?.versions).toMatchObject({ 'tiny-engine': '2.0' });
  });

  it('takes over the lock of a start that was killed', async () => {
    await writeFile(join(venv, 'hpb-install.lock'), JSON.stringify({ pid: process.pid, started: '1' }));

    expect((await ensureEngineEnvironment(request())).created).toBe(true);
  });

  it('does not race with a second start', async () => {
    const waits: string[] = [];
    const onStep = ({ step, message }: EnvironmentStep): void => {
      if (step === 'wait') waits.push(message);
    };

    const both = await Promise.all([
      ensureEngineEnvironment(request({ onStep })),
      ensureEngineEnvironment(request({ onStep })),
    ]);

    expect(both.map(({ created }) => created).sort((a, b) => Number(a) - Number(b))).toEqual([false, true]);
    expect(waits).toHaveLength(1);
  });
});

describe('a package index that fails', () => {
  beforeEach(() => cpSync(bare, venv, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true }));

  it('is told as a network fault when nothing answers', async () => {
    const gone = await listen(() => {});
    const url = urlOf(gone);
    await closeServer(gone);

    const failed = ensureEngineEnvironment(
      request({ environment: { ...environment(), PIP_INDEX_URL: `${url}/simple` } }),
    );

    await expect(failed).rejects.toMatchObject({ code: 'NETWORK_UNREACHABLE' });
    expect(await readMarker(venv)).toBeNull();
  });

  it("is told with pip's own words when it lacks a version", async () => {
    await writeFile(lockFile, 'torch==9.9.9\ntiny-engine==7.0\n');

    const failed = ensureEngineEnvironment(request());

    await expect(failed).rejects.toMatchObject({
      code: 'ENGINES_INSTALL_FAILED',
      message: expect.stringContaining('tiny-engine==7.0') as string,
    });
  });
});

describe("PyTorch's CPU index", () => {
  beforeEach(() => cpSync(bare, venv, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true }));

  it('gives torch when it is there', async () => {
    await ensureEngineEnvironment(request({}, cpuIndex.url));

    expect((await readMarker(venv))?.versions).toMatchObject({ torch: '9.9.9+cpu', 'tiny-engine': '1.0' });
  });

  it('is never asked on a machine with an NVIDIA card, which gets the CUDA build of the default index', async () => {
    const t4 = join(packageRoot, 'test', 'fixtures', 'bin', 't4');
    const withCard = { ...environment(), PATH: `${t4}${delimiter}${process.env.PATH}` };
    cpuIndex.requests.length = 0;

    await ensureEngineEnvironment(request({ environment: withCard, hasGpu: hasNvidiaGpu }, cpuIndex.url));

    expect(cpuIndex.requests).toEqual([]);
    expect((await readMarker(venv))?.versions).toMatchObject({ torch: '9.9.9' });
  });

  it('is done without when it is absent', async () => {
    const empty = await listen((_, response) => response.writeHead(404).end());

    await ensureEngineEnvironment(request({}, urlOf(empty)));
    await closeServer(empty);

    expect((await readMarker(venv))?.versions).toMatchObject({ torch: '9.9.9' });
  });

  it('is done without when it lacks the pinned version', async () => {
    const other = await servePackages([await makeWheel('torch', '9.9.8+cpu')]);

    await ensureEngineEnvironment(request({}, other.url));
    await other.close();

    expect((await readMarker(venv))?.versions).toMatchObject({ torch: '9.9.9' });
  });
});
