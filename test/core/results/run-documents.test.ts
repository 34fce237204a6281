import { describe, expect, it } from 'vitest';
import type { RunResult } from '../../../core/engine-protocol.ts';
import type { ModelId } from '../../../core/models/catalogue.ts';
import { buildMeta } from '../../../core/results/meta.ts';
import { buildRunRecord, type RunRecordInput } from '../../../core/results/run-record.ts';

const END = Date.UTC(2026, 10, 24, 12, 0, 30, 500);

describe('buildMeta', () => {
  it('has the keys of the service it replaces, with their meaning', () => {
    const meta = buildMeta({
      caseId: 'patient7',
      seconds: new Map([
        ['liver', 25.951],
        ['task008', 44.36],
      ]),
      endedAt: END,
      demo: false,
    });

    expect(Object.entries(meta)).toEqual([
      ['case_id', 'patient7'],
      ['labels_task008', { 1: 'hepatic_vessels', 2: 'liver_tumors' }],
      ['liver_seconds', 25.95],
      ['task008_seconds', 44.36],
      ['timestamp', END / 1000 - 0.5],
    ]);
  });

  it('adds the other models that ran, null for the old ones that did not, and DEMO', () => {
    const meta = buildMeta({ caseId: 'a', seconds: new Map([['totalseg', 9]]), endedAt: END, demo: true });

    expect(meta).toMatchObject({
      liver_seconds: null,
      task008_seconds: null,
      totalseg_seconds: 9,
      weights: 'DEMO',
    });
    expect(meta).not.toHaveProperty('liver_vessels_seconds');
  });
});

describe('buildRunRecord', () => {
  const result = (predict: number, peakRssBytes: number, peakVramBytes: number | null): RunResult => ({
    device: 'cpu',
    seconds: { load: 1, crop: 0, preprocess: 0.5, predict, export: 0.25 },
    forwardSeconds: predict - 1,
    tiles: 12,
    labelVoxels: {},
    cropEmpty: false,
    peakRssBytes,
    peakVramBytes,
  });
  const input: RunRecordInput = {
    attempt: 2,
    startedAt: END - 30_000,
    endedAt: END,
    device: 'cpu',
    deviceName: null,
    stageSeconds: { fetch: 0.12345, segment: 28 },
    models: new Map<ModelId, RunResult>([
      ['liver', result(4, 3e9, null)],
      ['task008', result(8, 2e9, null)],
    ]),
    workerPeakRssBytes: 5e8,
    cost: { machine: 'g4dn.xlarge', usd: 0.012345678 },
    demo: true,
  };

  it('holds clock, device, seconds, tiles and peaks', () => {
    expect(buildRunRecord(input)).toMatchObject({
      attempt: 2,
      clock: { startedAt: '2026-11-24T12:00:00.500Z', endedAt: '2026-11-24T12:00:30.500Z' },
      seconds: {
        total: 30,
        stages: { fetch: 0.123, segment: 28 },
        models: { liver: { total: 5.75, forward: 3 }, task008: { total: 9.75, forward: 7 } },
      },
      tiles: { liver: 12, task008: 12 },
      peakMemory: { workerRssBytes: 5e8, engineRssBytes: 3e9, engineVramBytes: null },
      cost: { machine: 'g4dn.xlarge', usd: 0.0123 },
      demoNotice: expect.stringContaining('DEMO'),
    });
    expect(buildRunRecord({ ...input, cost: null }).cost).toBeNull();
  });

  it('says of each model which device it ran on, whatever the engine greeted with', () => {
    const models = new Map<ModelId, RunResult>([
      ['liver', { ...result(4, 1, null), device: 'mps' }],
      ['task008', result(4, 1, null)],
    ]);

    expect(buildRunRecord({ ...input, device: 'mps', models })).toMatchObject({
      device: 'mps',
      devices: { liver: 'mps', task008: 'cpu' },
    });
  });

  it('names the models whose sums did not fit on the card', () => {
    const models = new Map<ModelId, RunResult>([
      ['liver', result(4, 1, 7)],
      ['task008', { ...result(4, 1, 9), sumsInRam: true }],
    ]);

    expect(buildRunRecord({ ...input, models }).peakMemory.sumsInRam).toEqual(['task008']);
  });

  it('takes the highest GPU peak, and null peaks when nothing ran', () => {
    const gpu = new Map<ModelId, RunResult>([
      ['liver', result(4, 1, 7)],
      ['task008', result(4, 1, 9)],
    ]);

    expect(buildRunRecord({ ...input, models: gpu }).peakMemory).toMatchObject({
      engineVramBytes: 9,
      modelVramBytes: { liver: 7, task008: 9 },
      sumsInRam: [],
    });
    expect(buildRunRecord({ ...input, models: new Map() }).peakMemory.engineRssBytes).toBeNull();
  });
});
