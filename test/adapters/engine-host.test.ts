import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EngineHost, type EngineHostOptions } from '../../adapters/engine-host.ts';
import { readNifti, writeNifti } from '../../adapters/nifti-file.ts';
import { systemClock } from '../../adapters/system.ts';
import type { HpbError } from '../../core/errors.ts';
import type { EngineLimits, OpenedCt } from '../../core/engine-port.ts';
import { fakeHost } from '../fixtures/fake-host.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { stillRunning } from '../fixtures/processes.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const CALL = {
  engine: 'totalsegmentator',
  weightsRoot: '/nowhere',
  task: 'total',
  roiSubset: ['liver'],
  fast: true,
  multilabel: false,
} as const;

function engine(behaviour: string, options: Partial<EngineHostOptions> = {}) {
  const log = memoryLog();
  const host = new EngineHost({
    host: fakeHost(behaviour),
    log,
    clock: systemClock,
    oomKills: async () => 0,
    grace: { cancelMs: 500, timeoutMs: 500, stopMs: 500 },
    ...options,
  });
  onTestFinished(() => host.stop());
  return { host, log };
}

/** Time enough to obey for an engine that does, on a machine that is busy. */
const PATIENT = { grace: { cancelMs: 20_000, timeoutMs: 20_000, stopMs: 500 } };

/** A small CT on disk. */
async function ctFile(): Promise<string> {
  const path = join(tempFolder(), 'ct.nii.gz');
  const dims = [8, 8, 12] as const;
  const affine = [2, 0, 0, -8, 0, 2, 0, -8, 0, 0, 3, 0, 0, 0, 0, 1];
  const data = new Int16Array(8 * 8 * 12).map((_, at) => (at % 200) - 100);
  await writeNifti(path, { grid: { dims, affine }, data, slope: 1, intercept: 0 });
  return path;
}

function run(opened: OpenedCt, output: string, limits: EngineLimits = {}) {
  return opened.run({
    call: { ...CALL, roiSubset: [...CALL.roiSubset] },
    output,
    onProgress: () => undefined,
    ...limits,
  });
}

/** The error of a run on a host with this behaviour. */
async function failureOf(host: EngineHost, limits: EngineLimits = {}): Promise<HpbError> {
  const opened = await host.open(await ctFile());
  return run(opened, join(tempFolder(), 'mask.nii.gz'), limits).then(
    () => expect.fail('the run succeeded'),
    (error: HpbError) => error,
  );
}

describe('the engine host', () => {
  it('runs on a CT that is opened once, with progress, and stays the same process', async () => {
    const { host, log } = engine('ok');
    const folder = tempFolder();
    const seen: number[] = [];

    const opened = await host.open(await ctFile());
    const { pid } = await host.hello();
    const result = await opened.run({
      call: { ...CALL, roiSubset: ['liver'] },
      output: join(folder, 'a.nii.gz'),
      onProgress: ({ done }) => seen.push(done),
    });
    await run(opened, join(folder, 'b.nii.gz'));
    await opened.close();

    const mask = await readNifti(join(folder, 'a.nii.gz'));
    expect(mask.data.filter((label) => label === 1)).toHaveLength(result.labelVoxels['1']!);
    expect(existsSync(join(folder, 'b.nii.gz'))).toBe(true);
    expect(seen).toEqual([100]);
    expect((await host.hello()).pid).toBe(pid);
    expect(log.events().filter((event) => event === 'engine:ready')).toHaveLength(1);
  });

  it('does not start before it is used', () => {
    const { log } = engine('ok');

    expect(log.events()).toEqual([]);
  });

  it('logs what the engine prints', async () => {
    const { host, log } = engine('ok');

    await host.hello();
    await host.stop();

    expect(log.lines).toContainEqual({
      level: 'debug',
      event: 'engine:output',
      fields: { line: 'fake engine: ok' },
    });
  });

  it('sees nothing of our environment', async () => {
    const log = memoryLog();
    const show = 'process.stderr.write(Object.keys(process.env).sort().join(" ") + "\\n")';
    const host = new EngineHost({
      host: { command: process.execPath, args: ['-e', show], environment: { PATH: '/usr/bin' } },
      log,
      clock: systemClock,
      oomKills: async () => null,
    });

    const error = (await host.hello().catch((thrown: unknown) => thrown)) as HpbError;

    expect(error.details['stderr']).toBe('PATH');
  });
});

describe('an engine that fails', () => {
  it('while it has nothing to do is replaced when the next CT comes', async () => {
    const { host } = engine('ok');
    const ct = await ctFile();
    const { pid } = await host.hello();

    process.kill(pid, 'SIGKILL');
    const opened = await host.open(ct);

    expect((await host.hello()).pid).not.toBe(pid);
    expect((await run(opened, join(tempFolder(), 'mask.nii.gz'))).tiles).toBe(4);
  });

  it.each([
    ['dies', 'ENGINE_DIED'],
    ['prints', 'ENGINE_PROTOCOL'],
    ['endless', 'ENGINE_PROTOCOL'],
    ['stranger', 'ENGINE_PROTOCOL'],
    ['wrong-shape', 'ENGINE_PROTOCOL'],
    ['unknown-code', 'ENGINE_PROTOCOL'],
    ['cuda-fault', 'DEVICE_FAULT'],
    ['killed', 'ENGINE_DIED'],
  ])('that %s gives %s', async (behaviour, code) => {
    const { host } = engine(behaviour);

    const error = await failureOf(host);

    expect(error.code).toBe(code);
    expect(error.remedy).not.toBe('');
  });

  it('leaves its exit code and its last words', async () => {
    const { details } = await failureOf(engine('dies').host);

    expect(details).toMatchObject({ exitCode: 3, signal: null });
    expect(details['stderr']).toContain('Traceback: something broke');
  });

  it('ran out of memory when the system says that it killed something', async () => {
    let kills = 4;
    const { host } = engine('killed', { oomKills: async () => kills++ });

    expect((await failureOf(host)).code).toBe('OUT_OF_MEMORY');
  });

  it('starts again at the next use', async () => {
    const { host } = engine(`once:${join(tempFolder(), 'done')}:dies`);
    expect((await failureOf(host)).code).toBe('ENGINE_DIED');

    const opened = await host.open(await ctFile());
    const result = await run(opened, join(tempFolder(), 'mask.nii.gz'));

    expect(result.tiles).toBe(4);
  });

  it('loses its opened CTs', async () => {
    const { host } = engine(`once:${join(tempFolder(), 'done')}:dies`);
    const opened = await host.open(await ctFile());
    await run(opened, join(tempFolder(), 'a.nii.gz')).catch(() => undefined);

    await expect(run(opened, join(tempFolder(), 'b.nii.gz'))).rejects.toMatchObject({ code: 'ENGINE_DIED' });
    await expect(opened.close()).resolves.toBeUndefined();
  });
});

describe('an engine that does not start', () => {
  it('is reported with its last words', async () => {
    const error = (await engine('unready')
      .host.hello()
      .catch((thrown: unknown) => thrown)) as HpbError;

    expect(error.code).toBe('ENGINE_START_FAILED');
    expect(error.details).toMatchObject({ exitCode: 1 });
    expect(error.details['stderr']).toContain("No module named 'torch'");
  });

  it('is killed when it takes too long', async () => {
    const { host, log } = engine('mute', { startSeconds: 0.3 });

    await expect(host.hello()).rejects.toMatchObject({ code: 'ENGINE_START_FAILED' });

    const pid = log.lines.find(({ event }) => event === 'engine:start')!.fields['pid'] as number;
    expect(await stillRunning([pid])).toEqual([]);
  });

  it('keeps its own reason', async () => {
    await expect(engine('no-gpu').host.hello()).rejects.toMatchObject({ code: 'DEVICE_UNAVAILABLE' });
  });

  it('is not installed when there is no Python', async () => {
    const host = { command: join(tempFolder(), 'bin', 'python'), args: [], environment: {} };

    await expect(engine('', { host }).host.hello()).rejects.toMatchObject({
      code: 'ENGINES_NOT_INSTALLED',
      remedy: expect.stringContaining('npm start -- --once'),
    });
  });
});

describe('a run', () => {
  it('that is cancelled leaves the engine warm', async () => {
    const { host } = engine('slow', PATIENT);
    const { pid } = await host.hello();
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(), 150);

    expect((await failureOf(host, { signal: cancel.signal })).code).toBe('CANCELLED');
    expect((await host.hello()).pid).toBe(pid);
  });

  it('that was cancelled before it began is not sent', async () => {
    const { host } = engine('dies');

    expect((await failureOf(host, { signal: AbortSignal.abort() })).code).toBe('CANCELLED');
    await expect(host.hello()).resolves.toMatchObject({ protocol: 1 });
  });

  it('that takes too long is cancelled and leaves the engine warm', async () => {
    const { host } = engine('slow', PATIENT);
    const { pid } = await host.hello();

    const error = await failureOf(host, { timeoutSeconds: 0.2 });

    expect(error).toMatchObject({ code: 'ENGINE_TIMEOUT', details: { timeoutSeconds: 0.2 } });
    expect((await host.hello()).pid).toBe(pid);
  });

  it.each([
    ['CANCELLED', () => ({ signal: AbortSignal.timeout(2000) })],
    ['ENGINE_TIMEOUT', () => ({ timeoutSeconds: 2 })],
  ])('that obeys no cancel ends with %s and takes its children with it', async (code, limits) => {
    const { host } = engine('stubborn');
    const output = join(tempFolder(), 'pids');
    const opened = await host.open(await ctFile());

    await expect(run(opened, output, limits())).rejects.toMatchObject({ code });

    const pids = JSON.parse(readFileSync(output, 'utf8')) as number[];
    expect(pids).toHaveLength(2);
    expect(await stillRunning(pids)).toEqual([]);
  });

  it('in flight when the engine is stopped is cancelled, and nothing is left', async () => {
    const { host } = engine('stubborn');
    const output = join(tempFolder(), 'pids');
    const opened = await host.open(await ctFile());
    const running = run(opened, output).catch((error: HpbError) => error.code);
    while (!existsSync(output)) await sleep(10);
    await sleep(50);

    await host.stop();

    expect(await running).toBe('CANCELLED');
    expect(await stillRunning(JSON.parse(readFileSync(output, 'utf8')) as number[])).toEqual([]);
  });
});

describe('stopping', () => {
  it.each(['ok', 'deaf'])('ends an engine that is %s', async (behaviour) => {
    const { host } = engine(behaviour);
    const { pid } = await host.hello();

    await host.stop();

    expect(await stillRunning([pid])).toEqual([]);
  });

  it('does nothing when the engine was never used', async () => {
    await expect(engine('ok').host.stop()).resolves.toBeUndefined();
  });
});
