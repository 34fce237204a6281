import { existsSync, readdirSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { runShard } from '../../container/worker.ts';
import { HpbError, WORKER_EXIT } from '../../core/errors.ts';
import { caseFileKey, caseIdOf, caseResultKey } from '../../core/layout.ts';
import { memoryNeededForCase } from '../../core/models/case-memory.ts';
import type { ObjectStore } from '../../core/ports.ts';
import { FakeEngine, failing, type FakeRun } from '../fakes/fake-engine.ts';
import { plausibleMask, resultOf } from '../fakes/plausible-mask.ts';
import { endings, GRID, JOB, resultIn, shardOf, smallCt, workerBench } from './worker-bench.ts';

describe('a case that fails', () => {
  it.each(['ENGINE_DIED', 'ENGINE_TIMEOUT', 'OUT_OF_MEMORY', 'ENGINE_FAILED'] as const)(
    'with %s has a result of its own and does not stop the others',
    async (code) => {
      const bench = await workerBench(new FakeEngine(failing(code)));

      const { ends, exitCode } = await endings(bench, shardOf(2));

      expect({ ends, exitCode }).toEqual({ ends: [code, 'succeeded'], exitCode: WORKER_EXIT.done });
      expect(await resultIn(bench)).toMatchObject({
        outcome: 'failed',
        error: { code, message: expect.any(String), remedy: expect.any(String) },
        files: [],
        zip: null,
      });
      expect(await bench.store.list(caseFileKey(JOB, caseIdOf(1), ''))).toEqual([]);
    },
  );

  it('because its input is gone says so', async () => {
    const bench = await workerBench(new FakeEngine());

    await runShard(shardOf(1), bench.ports);

    expect((await resultIn(bench)).error).toMatchObject({ code: 'INPUT_NOT_FOUND', blame: 'caller' });
  });

  it('because its input is not the one that was checked never reaches the engine', async () => {
    const engine = new FakeEngine();
    const bench = await workerBench(engine);
    await bench.input(1);
    const [task] = shardOf(1).cases;
    const checked = { ...task!, inputSha256: '0'.repeat(64) };

    const { ends } = await endings(bench, { ...shardOf(1), cases: [checked] });

    expect({ ends, opened: engine.opened }).toEqual({ ends: ['INPUT_REPLACED'], opened: [] });
  });

  it('at the input check never reaches the engine', async () => {
    const engine = new FakeEngine();
    const bench = await workerBench(engine);
    const { data } = smallCt();
    const grid = { ...GRID, dims: [40, 120, 8] as const };
    await bench.input(1, { grid, data, slope: 1, intercept: 0 });

    await runShard(shardOf(1), bench.ports);

    expect((await resultIn(bench)).error).toMatchObject({ code: 'CT_TOO_FEW_SLICES' });
    expect(engine.opened).toEqual([]);
  });

  it('because memory would not do never reaches the engine', async () => {
    const engine = new FakeEngine();
    const bench = await workerBench(engine, { memoryPresent: async () => 2 ** 28 });

    const { ends } = await endings(bench, shardOf(1));

    expect({ ends, opened: engine.opened }).toEqual({ ends: ['CT_EXCEEDS_MEMORY'], opened: [] });
  });

  it('because memory would do for each model but not for the case never reaches the engine', async () => {
    const shard = shardOf(1);
    const { models, options } = shard.cases[0]!;
    const alone = models.map((model) => memoryNeededForCase(GRID, [model], options));
    const bench = await workerBench(new FakeEngine(), { memoryPresent: async () => Math.max(...alone) });

    expect((await endings(bench, shard)).ends).toEqual(['CT_EXCEEDS_MEMORY']);
    expect((await resultIn(bench)).error!.message).toContain('liver + task008');
  });

  it('without weights never reaches the engine', async () => {
    const engine = new FakeEngine();
    const locate = (): Promise<never> =>
      Promise.reject(new HpbError('WEIGHTS_MISSING', 'None.', { remedy: '`hpb models pull task008`' }));
    const bench = await workerBench(engine, { weights: { locate } });

    const { ends } = await endings(bench, shardOf(1));

    expect({ ends, opened: engine.opened }).toEqual({ ends: ['WEIGHTS_MISSING'], opened: [] });
  });

  it('closes its CT and removes its scratch', async () => {
    const engine = new FakeEngine(failing('ENGINE_FAILED'));
    const bench = await workerBench(engine);

    await endings(bench, shardOf(1));

    const [worker] = readdirSync(bench.scratchRoot);
    expect(engine.openNow).toBe(0);
    expect(existsSync(join(bench.scratchRoot, worker!, caseIdOf(1), 'in'))).toBe(false);
  });
});

/** A run that writes this instead of a plausible mask. */
const writing =
  (write: (output: string) => Promise<void>): FakeRun =>
  async ({ output, call }) => {
    await write(output);
    return resultOf(plausibleMask(GRID, call));
  };

describe('a mask', () => {
  const { affine, dims } = GRID;
  const moved = affine.map((value, at) => (at === 3 ? value + 5 : value));
  const size = dims[0] * dims[1] * dims[2];

  it.each<[string, string, FakeRun]>([
    ['that is missing', 'ENGINE_OUTPUT_MISSING', writing(async () => undefined)],
    [
      'of other dimensions',
      'ENGINE_OUTPUT_MISMATCH',
      writing((path) =>
        writeNifti(path, { grid: { dims: [40, 24, 40], affine }, data: new Uint8Array(size) }),
      ),
    ],
    [
      'that lies elsewhere',
      'ENGINE_OUTPUT_MISMATCH',
      writing((path) => writeNifti(path, { grid: { dims, affine: moved }, data: new Uint8Array(size) })),
    ],
    [
      'with fractions in it',
      'ENGINE_OUTPUT_MISMATCH',
      writing((path) =>
        writeNifti(path, { grid: GRID, data: new Float32Array(size).fill(0.5), slope: 1, intercept: 0 }),
      ),
    ],
    [
      'that is not what the engine counted',
      'ENGINE_OUTPUT_MISMATCH',
      writing((path) => writeNifti(path, { grid: GRID, data: new Uint8Array(size) })),
    ],
    [
      'that is no NIfTI file',
      'ENGINE_OUTPUT_MISMATCH',
      writing(async (path) => {
        await writeNifti(path, { grid: GRID, data: new Uint8Array(size) });
        await truncate(path, 30);
      }),
    ],
  ])('%s is %s', async (_, code, run) => {
    const bench = await workerBench(new FakeEngine(run));

    expect((await endings(bench, shardOf(1))).ends).toEqual([code]);
  });

  it('that is empty is a result', async () => {
    const empty: FakeRun = async ({ output }) => {
      const mask = { grid: GRID, data: new Uint8Array(size) };
      await writeNifti(output, mask);
      return resultOf(mask);
    };
    const bench = await workerBench(new FakeEngine(empty, empty));

    expect((await endings(bench, shardOf(1))).ends).toEqual(['succeeded']);
  });
});

describe('a device that fails', () => {
  it('once is given another chance with a new engine', async () => {
    const engine = new FakeEngine(failing('DEVICE_FAULT'));
    const bench = await workerBench(engine);

    const { ends, exitCode } = await endings(bench, shardOf(2));

    expect({ ends, exitCode, stops: engine.stops }).toEqual({
      ends: ['succeeded', 'succeeded'],
      exitCode: WORKER_EXIT.done,
      stops: 1,
    });
  });

  it.each([
    ['fails again', 'DEVICE_FAULT'],
    ['is not seen any more', 'DEVICE_UNAVAILABLE'],
  ] as const)('and then %s ends the worker so that another machine can go on', async (_, again) => {
    const bench = await workerBench(new FakeEngine(failing('DEVICE_FAULT'), failing(again)));

    const { ends, exitCode } = await endings(bench, shardOf(3));

    expect({ ends, exitCode }).toEqual({
      ends: [again, 'INTERRUPTED', 'INTERRUPTED'],
      exitCode: WORKER_EXIT.deviceFault,
    });
    expect(await bench.store.head(caseResultKey(JOB, caseIdOf(2)))).toBeNull();
  });
});

describe('a disk that is full', () => {
  const full = (): Promise<never> => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));

  /** The store of a bench on which writing certain keys fails as a full disk does. */
  function fullFor(store: ObjectStore, refuses: (key: string) => boolean, refuse = full): ObjectStore {
    return {
      put: (key, ...rest) => (refuses(key) ? refuse() : store.put(key, ...rest)),
      putFile: (key, ...rest) => (refuses(key) ? refuse() : store.putFile(key, ...rest)),
      putStream: (key, ...rest) => (refuses(key) ? refuse() : store.putStream(key, ...rest)),
      get: (key) => store.get(key),
      read: (key) => store.read(key),
      stream: (key, range) => store.stream(key, range),
      getFile: (key, path) => store.getFile(key, path),
      copy: (from, to) => (refuses(to) ? refuse() : store.copy(from, to)),
      head: (key) => store.head(key),
      list: (prefix, page) => store.list(prefix, page),
      remove: (key) => store.remove(key),
      removeAll: (prefix) => store.removeAll(prefix),
    };
  }

  it('fails the case that could not be published, and not the next', async () => {
    const bench = await workerBench(new FakeEngine());
    const store = fullFor(bench.store, (key) => key.startsWith(caseFileKey(JOB, caseIdOf(1), '')));

    const { ends, exitCode } = await endings({ ...bench, ports: { ...bench.ports, store } }, shardOf(2));

    expect({ ends, exitCode }).toEqual({ ends: ['DISK_FULL', 'succeeded'], exitCode: WORKER_EXIT.done });
  });

  it('is an unclean end when even the result cannot be written', async () => {
    const bench = await workerBench(new FakeEngine());
    const store = fullFor(bench.store, (key) => key.endsWith('result.json'));

    const { ends, exitCode } = await endings({ ...bench, ports: { ...bench.ports, store } }, shardOf(1));

    expect({ ends, exitCode }).toEqual({ ends: ['DISK_FULL'], exitCode: WORKER_EXIT.unexpected });
  });

  it('that may pass is left to another attempt', async () => {
    const bench = await workerBench(new FakeEngine());
    const away = new HpbError('STORE_UNAVAILABLE', 'S3 does not answer.', { remedy: 'Wait.' });
    const store = fullFor(
      bench.store,
      (key) => key.endsWith('result.json'),
      () => Promise.reject(away),
    );

    const { exitCode } = await endings({ ...bench, ports: { ...bench.ports, store } }, shardOf(1));

    expect(exitCode).toBe(WORKER_EXIT.interrupted);
  });

  it('does not matter for progress', async () => {
    const bench = await workerBench(new FakeEngine());
    const store = fullFor(bench.store, (key) => key.includes('/progress/'));

    expect((await endings({ ...bench, ports: { ...bench.ports, store } }, shardOf(1))).ends).toEqual([
      'succeeded',
    ]);
  });
});
