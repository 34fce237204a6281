import { describe, expect, it } from 'vitest';
import { runShard } from '../../container/worker.ts';
import { HpbError, WORKER_EXIT } from '../../core/errors.ts';
import { caseIdOf, caseResultKey, caseZipKey } from '../../core/layout.ts';
import type { Shard } from '../../core/shard.ts';
import { FakeEngine, failing, hanging } from '../fakes/fake-engine.ts';
import {
  endings,
  fakeWeights,
  JOB,
  resultIn,
  shardOf,
  smallCt,
  workerBench,
  type WorkerBench,
} from './worker-bench.ts';

const away = (): HpbError => new HpbError('STORE_UNAVAILABLE', 'S3 does not answer.', { remedy: 'Wait.' });
const interrupted = (): HpbError => new HpbError('INTERRUPTED', 'Told to stop.', { remedy: 'Start again.' });

describe('stopping', () => {
  it('by drain finishes the running case and begins no other', async () => {
    const drain = new AbortController();
    const engine = new FakeEngine((_, plausible) => {
      drain.abort(interrupted());
      return plausible();
    });
    const bench = await workerBench(engine);
    for (const at of [1, 2]) await bench.input(at);

    const { cases, exitCode } = await runShard(shardOf(2), bench.ports, { drain: drain.signal });

    expect(cases.map(({ outcome, error }) => error?.code ?? outcome)).toEqual(['succeeded', 'INTERRUPTED']);
    expect(exitCode).toBe(WORKER_EXIT.interrupted);
    expect(await bench.store.head(caseResultKey(JOB, caseIdOf(2)))).toBeNull();
  });

  it('by drain during the last case is no interruption', async () => {
    const drain = new AbortController();
    const engine = new FakeEngine((_, plausible) => {
      drain.abort(interrupted());
      return plausible();
    });
    const bench = await workerBench(engine);
    await bench.input(1);

    expect((await runShard(shardOf(1), bench.ports, { drain: drain.signal })).exitCode).toBe(
      WORKER_EXIT.done,
    );
  });

  it.each([
    ['INTERRUPTED', interrupted()],
    ['CANCELLED', undefined],
  ])('by cancel ends the running case with %s', async (code, reason) => {
    const cancel = new AbortController();
    const bench = await workerBench(new FakeEngine(hanging(() => cancel.abort(reason))));
    await bench.input(1);

    const { cases, exitCode } = await runShard(shardOf(1), bench.ports, { cancel: cancel.signal });

    expect(cases[0]!.error?.code).toBe(code);
    expect((await resultIn(bench)).error?.code).toBe(code);
    expect(exitCode).toBe(WORKER_EXIT.interrupted);
  });
});

describe('a second attempt', () => {
  it('skips the cases whose result is there and runs the others', async () => {
    const bench = await workerBench(
      new FakeEngine(async (_, plausible) => plausible(), failing('ENGINE_DIED')),
    );
    expect((await endings(bench, shardOf(2, ['liver']))).ends).toEqual(['succeeded', 'ENGINE_DIED']);
    const before = await resultIn(bench, 1);

    const engine = new FakeEngine();
    const { cases } = await runShard(shardOf(2, ['liver'], 2), { ...bench.ports, engine });

    expect(cases.map(({ outcome }) => outcome)).toEqual(['skipped', 'succeeded']);
    expect(cases[0]!.result).toEqual(before);
    expect(engine.opened).toHaveLength(1);
    expect((await resultIn(bench, 2)).attempt).toBe(2);
  });

  it.each<[string, (stop: AbortController) => Promise<never>]>([
    ['the store does not answer', async () => Promise.reject(away())],
    ['the disk is full', async () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))],
    [
      'the CT is gone',
      async () => Promise.reject(new HpbError('OBJECT_NOT_FOUND', 'Gone.', { remedy: '-' })),
    ],
    [
      'it is told to stop',
      async (stop) => {
        stop.abort(interrupted());
        return Promise.reject(interrupted());
      },
    ],
  ])('leaves the result of a finished case as it is when it cannot fetch the CT: %s', async (_, fetch) => {
    const bench = await workerBench(new FakeEngine());
    await endings(bench, shardOf(1, ['liver']));
    const before = await resultIn(bench);
    const stop = new AbortController();
    bench.store.getFile = async () => fetch(stop);

    const { cases } = await runShard(shardOf(1, ['liver'], 2), bench.ports, { cancel: stop.signal });

    expect(await resultIn(bench)).toEqual(before);
    expect(cases[0]).toMatchObject({ outcome: 'skipped', error: null, result: before });
  });

  it.each<[string, (bench: WorkerBench) => Promise<Partial<WorkerBench['ports']>>, Shard]>([
    [
      'another input',
      async ({ input }) => {
        await input(1, smallCt(99));
        return {};
      },
      shardOf(1, ['liver']),
    ],
    ['another model', async () => ({}), shardOf(1, ['liver', 'task008'])],
    [
      'other weights',
      async () => ({ weights: { locate: async () => fakeWeights(false, 'b'.repeat(64)) } }),
      shardOf(1, ['liver']),
    ],
    ['another version', async () => ({ serviceVersion: '9.9.9' }), shardOf(1, ['liver'])],
    ['meshes in another format', async () => ({ meshFormat: 'stl' as const }), shardOf(1, ['liver'])],
    [
      'a ZIP that is gone',
      async ({ store }) => {
        await store.remove(caseZipKey(JOB, caseIdOf(1)));
        return {};
      },
      shardOf(1, ['liver']),
    ],
    [
      'a result that cannot be read',
      async ({ store }) => {
        await store.put(caseResultKey(JOB, caseIdOf(1)), '{"half":');
        return {};
      },
      shardOf(1, ['liver']),
    ],
  ])('runs a case again with %s', async (_, change, shard) => {
    const bench = await workerBench(new FakeEngine());
    await endings(bench, shardOf(1, ['liver']));

    const ports = { ...bench.ports, ...(await change(bench)) };
    const { cases } = await runShard(shard, ports);

    expect(cases[0]!.outcome).toBe('succeeded');
  });
});
