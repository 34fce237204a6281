import { describe, expect, it } from 'vitest';
import { runShard } from '../../container/worker.ts';
import { machineOf, WorkerMeter } from '../../container/worker-meter.ts';
import { caseFileKey, caseIdOf } from '../../core/layout.ts';
import { METRIC_DIMENSIONS, type MetricSample } from '../../core/metrics.ts';
import { MACHINE_HOUR_USD } from '../../core/prices.ts';
import { FakeEngine } from '../fakes/fake-engine.ts';
import { JOB, shardOf, workerBench } from './worker-bench.ts';

function meter() {
  const put: (readonly MetricSample[])[] = [];
  const metrics = { put: async (samples: readonly MetricSample[]) => void put.push(samples) };
  return { put, meter: new WorkerMeter({ metrics, machine: 'g4dn.2xlarge' }) };
}

const MIB = 2 ** 20;

describe('figures of a worker', () => {
  it('tell stages, engines and outcomes of each case, without ids', async () => {
    const { put, meter: ours } = meter();
    const bench = await workerBench(new FakeEngine(), { meter: ours });
    await bench.input(1);
    await runShard(shardOf(2), bench.ports);

    const runJson = await bench.store.get(caseFileKey(JOB, caseIdOf(1), 'run.json'));
    const { cost } = JSON.parse(new TextDecoder().decode(runJson)) as {
      cost: { machine: string; usd: number };
    };
    expect(cost.machine).toBe('g4dn.2xlarge');
    expect(cost.usd).toBeGreaterThanOrEqual(0);
    // An hour is far more than a small case can take.
    expect(cost.usd).toBeLessThan(MACHINE_HOUR_USD['g4dn.2xlarge'].onDemand);
    // One request a case.
    expect(put).toHaveLength(2);
    // Stages of cases that overlap come with whichever ends first.
    const all = put.flat();
    const stages = all
      .filter(({ name }) => name === 'StageSeconds')
      .map(({ dimensions }) => dimensions?.Stage);
    expect(stages).toEqual(
      expect.arrayContaining(['fetch', 'check', 'segment', 'measure', 'package', 'publish']),
    );
    const engines = all
      .filter(({ name }) => name === 'EngineSeconds')
      .map(({ dimensions }) => dimensions?.Model);
    expect(new Set(engines)).toEqual(new Set(['liver', 'task008']));
    const ended = all.filter(({ name }) => name === 'CasesEnded').map(({ dimensions }) => dimensions);
    expect(ended).toEqual(
      expect.arrayContaining([
        { Model: 'liver', Outcome: 'succeeded' },
        { Model: 'task008', Outcome: 'succeeded' },
        { Model: 'liver', Outcome: 'failed', Code: 'INPUT_NOT_FOUND' },
        { Model: 'task008', Outcome: 'failed', Code: 'INPUT_NOT_FOUND' },
      ]),
    );
    expect(ended).toHaveLength(4);
    const text = JSON.stringify(put);
    expect(text).not.toContain(JOB);
    expect(text).not.toContain('c0001');
    const dimensions = put.flat().flatMap((sample) => Object.keys(sample.dimensions ?? {}));
    expect(dimensions.filter((name) => !METRIC_DIMENSIONS.includes(name as 'Model'))).toEqual([]);
  });

  it('estimate what a case costs from the price of the machine', async () => {
    const { put, meter: ours } = meter();
    await ours.caseEnded(['liver'], { outcome: 'succeeded', error: null }, 120);

    const cost = put.flat().find(({ name }) => name === 'EstimatedCostUsd');
    expect(cost?.value).toBeCloseTo((MACHINE_HOUR_USD['g4dn.2xlarge'].onDemand / 3600) * 120);
  });

  it('that nothing was added to are not put', async () => {
    const { put, meter: ours } = meter();
    await ours.flush();

    expect(put).toEqual([]);
  });
});

it.each([
  [14_000 * MIB, 'g4dn.xlarge'],
  [14_000 * MIB - 4096, 'g4dn.xlarge'],
  [30_000 * MIB, 'g4dn.2xlarge'],
  [60_000 * MIB, 'g4dn.4xlarge'],
  [500_000 * MIB, 'g4dn.4xlarge'],
])('a worker with %i bytes pays for a %s', (bytes, machine) => {
  expect(machineOf(bytes)).toBe(machine);
});
