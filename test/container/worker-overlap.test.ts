import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { ShardHooks } from '../../container/worker.ts';
import { HpbError, WORKER_EXIT } from '../../core/errors.ts';
import { caseIdOf, caseInputKey, caseProgressKey, caseResultKey } from '../../core/layout.ts';
import { memoryNeededForCase } from '../../core/models/case-memory.ts';
import type { Volume } from '../../core/volume/volume.ts';
import { failing } from '../fakes/fake-engine.ts';
import { SteppedWorker } from './stepped-worker.ts';
import { GRID, JOB, resultIn, shardOf, type WorkerBench } from './worker-bench.ts';

const casesIn = (shard: number, last: number): string[] =>
  [
    [`fetch ${caseIdOf(last)}`, last],
    [`segment ${caseIdOf(last - 1)}`, last - 1],
    [`publish ${caseIdOf(last - 2)}`, last - 2],
  ].flatMap(([step, at]) => (Number(at) >= 1 && Number(at) <= shard ? [String(step)] : []));

/** As few voxels as weigh enough: in 64 bits each, in blocks. */
function heavyCt(): Volume {
  const dims = [160, 160, 140] as const;
  const data = Float64Array.from({ length: 160 * 160 * 140 }, (_, at) => ((at >> 4) % 7) * 20 - 60);
  return { grid: { ...GRID, dims }, data, slope: 1, intercept: 0 };
}

describe('cases of a shard', () => {
  it('overlap: one is fetched and one published while the engine works on a third', async () => {
    const worker = new SteppedWorker(10);
    await worker.start(10);

    // Ten cases of three equal stages: 12 seconds instead of 30.
    for (let second = 1; second <= 12; second++) {
      await worker.until(...casesIn(10, second));
      worker.end();
    }

    expect(await worker.ends()).toEqual(Array(10).fill('succeeded'));
    expect(worker.engineCases).toEqual(Array.from({ length: 10 }, (_, at) => caseIdOf(at + 1)));
  });

  it('say how long they worked, not how long they waited, and share the cost of the machine', async () => {
    const worker = new SteppedWorker(3);
    await worker.start(3);
    await worker.until('fetch c0001');
    worker.end();
    await worker.until('segment c0001', 'fetch c0002');
    worker.end('fetch c0002');
    // The second case is ready and waits for the first.
    await vi.waitFor(() => expect(stagesOf(worker.bench, 'c0002')).toEqual(['fetch', 'check']));
    worker.end('segment c0001');
    for (let second = 3; second <= 5; second++) {
      await worker.until(...casesIn(3, second));
      worker.end();
    }
    await worker.outcome;

    const seconds = await Promise.all(
      [1, 2, 3].map(async (at) => (await resultIn(worker.bench, at)).seconds),
    );
    expect(seconds).toEqual([4, 3, 3]);
    expect(worker.machineSeconds.reduce((sum, one) => sum + one, 0)).toBeCloseTo(6);
  });

  it('do not keep the engine waiting for one that is slow to be published', async () => {
    const worker = new SteppedWorker(5);
    await worker.start(5);
    await worker.until('fetch c0001');
    worker.end();
    await worker.until('segment c0001', 'fetch c0002');
    worker.end();
    await worker.until('publish c0001', 'segment c0002', 'fetch c0003');
    worker.end('segment c0002', 'fetch c0003');
    await worker.until('publish c0001', 'publish c0002', 'segment c0003', 'fetch c0004');
    worker.end('segment c0003', 'fetch c0004');
    const three = ['publish c0001', 'publish c0002', 'publish c0003'];
    await worker.until(...three, 'segment c0004', 'fetch c0005');
    worker.end('segment c0004', 'fetch c0005');
    // But no more than three, although they are small: what they hold would pile up.
    await vi.waitFor(() => expect(stagesOf(worker.bench, 'c0004')).toContain('segment'));
    await worker.until(...three);
    worker.end('publish c0002');
    await worker.until('publish c0001', 'publish c0003', 'publish c0004', 'segment c0005');
    worker.end();
    await worker.until('publish c0005');
    worker.end();

    expect(await worker.ends()).toEqual(Array(5).fill('succeeded'));
  });

  it('are two at a time behind the engine where their volumes weigh', async () => {
    const worker = new SteppedWorker(4);
    await worker.start(4, {}, {}, heavyCt());
    await worker.until('fetch c0001');
    worker.end();
    await worker.until('segment c0001', 'fetch c0002');
    worker.end();
    await worker.until('publish c0001', 'segment c0002', 'fetch c0003');
    worker.end('segment c0002', 'fetch c0003');
    await worker.until('publish c0001', 'publish c0002', 'segment c0003', 'fetch c0004');
    worker.end('segment c0003', 'fetch c0004');
    await vi.waitFor(() => expect(stagesOf(worker.bench, 'c0003')).toContain('segment'));
    await worker.until('publish c0001', 'publish c0002');
    worker.end();
    await worker.until('publish c0003', 'segment c0004');
    worker.end();
    await worker.until('publish c0004');
    worker.end();

    expect(await worker.ends()).toEqual(Array(4).fill('succeeded'));
  });

  it('come one after the other where memory is for one', async () => {
    const { models, options } = shardOf(1, ['liver']).cases[0]!;
    const present = memoryNeededForCase(GRID, models, options);
    const worker = new SteppedWorker(2);
    await worker.start(2, {}, { memoryPresent: async () => present });
    await worker.until('fetch c0001');
    worker.end();
    await worker.until('segment c0001', 'fetch c0002');
    worker.end();
    await worker.until('publish c0001');
    worker.end();
    await worker.until('segment c0002');
    worker.end();
    await worker.until('publish c0002');
    worker.end();

    expect(await worker.ends()).toEqual(['succeeded', 'succeeded']);
    const order = worker.bench.log.lines
      .filter(({ event, fields }) => event === 'case:stage' && fields['seconds'] !== undefined)
      .map(({ fields }) => `${String(fields['caseId'])} ${String(fields['stage'])}`);
    expect(order.indexOf('c0002 check')).toBeGreaterThan(order.indexOf('c0001 publish'));
  });

  it('that cannot be read do not hold up those that can', async () => {
    const worker = new SteppedWorker(3);
    await worker.start(3);
    await worker.bench.store.put(caseInputKey(JOB, caseIdOf(2)), 'no CT at all');
    await worker.until('fetch c0001');
    worker.end();
    await worker.until('segment c0001', 'fetch c0002');
    worker.end('fetch c0002');
    await worker.until('segment c0001', 'fetch c0003');
    worker.end();
    await worker.until('publish c0001', 'segment c0003');
    worker.end();
    await worker.until('publish c0003');
    worker.end();

    const [first, second, third] = await worker.ends();
    expect([first, third]).toEqual(['succeeded', 'succeeded']);
    expect(second).toMatch(/^(NIFTI|INPUT)_/);
    expect((await resultIn(worker.bench, 2)).error?.code).toBe(second);
  });
});

describe('a device that fails while the next case is ready', () => {
  it('is given to it only when a new engine has done the work of the first', async () => {
    const worker = new SteppedWorker(2, [failing('DEVICE_FAULT')]);
    await worker.start(2);
    await worker.until('fetch c0001');
    worker.end();
    await worker.until('segment c0001', 'fetch c0002');
    expect(worker.engine.stops).toBe(1);
    worker.end('fetch c0002');
    await vi.waitFor(() => expect(stagesOf(worker.bench, 'c0002')).toContain('check'));
    worker.end('segment c0001');
    await worker.until('publish c0001', 'segment c0002');
    worker.end();
    await worker.until('publish c0002');
    worker.end();

    expect(await worker.ends()).toEqual(['succeeded', 'succeeded']);
    expect(worker.engineCases).toEqual(['c0001', 'c0002']);
  });
});

/** Three cases under way (the first published, the second in the engine, the third ready), one not begun. */
async function underWay(hooks: ShardHooks): Promise<SteppedWorker> {
  const worker = new SteppedWorker(4);
  await worker.start(4, hooks);
  await worker.until('fetch c0001');
  worker.end();
  await worker.until('segment c0001', 'fetch c0002');
  worker.end();
  await worker.until('publish c0001', 'segment c0002', 'fetch c0003');
  worker.end('fetch c0003');
  await vi.waitFor(() => expect(stagesOf(worker.bench, 'c0003')).toEqual(['fetch', 'check']));
  return worker;
}

const stagesOf = ({ log }: WorkerBench, caseId: string): unknown[] =>
  log.lines
    .filter(({ event, fields }) => event === 'case:stage' && fields['caseId'] === caseId)
    .map(({ fields }) => fields['stage']);

const resultsOf = ({ store }: WorkerBench): Promise<boolean[]> =>
  Promise.all([1, 2, 3, 4].map(async (at) => (await store.head(caseResultKey(JOB, caseIdOf(at)))) !== null));

function scratchOf({ scratchRoot }: WorkerBench): readonly string[] {
  const [worker] = readdirSync(scratchRoot);
  const left = readdirSync(join(scratchRoot, worker!), { recursive: true }) as string[];
  return left.filter((path) => path.includes('nii'));
}

describe('a worker that is told to stop while cases overlap', () => {
  it('finishes what the engine has begun with and puts back what was only prepared', async () => {
    const drain = new AbortController();
    const worker = await underWay({ drain: drain.signal });
    drain.abort(new HpbError('INTERRUPTED', 'Told to stop.', { remedy: 'Start again.' }));
    worker.end();
    await worker.until('publish c0002');
    worker.end();

    expect(await worker.ends()).toEqual(['succeeded', 'succeeded', 'INTERRUPTED', 'INTERRUPTED']);
    expect((await worker.outcome).exitCode).toBe(WORKER_EXIT.interrupted);
    expect(await resultsOf(worker.bench)).toEqual([true, true, false, false]);
    // Nobody is told that it runs.
    expect(await worker.bench.store.head(caseProgressKey(JOB, caseIdOf(3)))).toBeNull();
    expect(worker.bench.log.events().filter((event) => event === 'case:put-back')).toHaveLength(1);
    expect(worker.engineCases).toEqual(['c0001', 'c0002']);
    expect(scratchOf(worker.bench)).toEqual([]);
  });

  it('by cancel ends all that are under way and leaves no scratch', async () => {
    const cancel = new AbortController();
    const worker = await underWay({ cancel: cancel.signal });
    cancel.abort();
    await worker.until('publish c0001');
    worker.end();

    // The files of the first were on their way and came.
    expect(await worker.ends()).toEqual(['succeeded', 'CANCELLED', 'CANCELLED', 'CANCELLED']);
    expect((await worker.outcome).exitCode).toBe(WORKER_EXIT.interrupted);
    expect(await resultsOf(worker.bench)).toEqual([true, true, true, false]);
    expect(worker.engineCases).toEqual(['c0001', 'c0002']);
    expect(worker.engine.openNow).toBe(0);
    expect(scratchOf(worker.bench)).toEqual([]);
  });
});
