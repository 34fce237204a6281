import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { JsonlMetrics } from '../../adapters/jsonl-metrics.ts';
import { systemClock } from '../../adapters/system.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { metricsContract } from './metrics.contract.ts';

interface Line {
  readonly name: string;
  readonly value: number;
  readonly dimensions: Readonly<Record<string, string>>;
}

metricsContract('a file', async () => {
  const path = join(tempFolder(), 'metrics', 'metrics.jsonl');
  return {
    metrics: new JsonlMetrics({ path, clock: systemClock }),
    sum: async (name, dimensions) => {
      const lines = readFileSync(path, 'utf8').trim().split('\n');
      const found = lines
        .map((line) => JSON.parse(line) as Line)
        .filter((line) => line.name === name)
        .filter((line) => JSON.stringify(line.dimensions) === JSON.stringify(dimensions));
      return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0);
    },
  };
});

it('writes time and unit, and begins a new file when one has grown', async () => {
  const path = join(tempFolder(), 'metrics.jsonl');
  const metrics = new JsonlMetrics({ path, clock: { now: () => 0 }, maxBytes: 300 });

  await Promise.all(Array.from({ length: 9 }, () => metrics.put([{ name: 'UploadedBytes', value: 7 }])));

  const line = readFileSync(path, 'utf8').split('\n')[0]!;
  expect(JSON.parse(line)).toEqual({
    time: '1970-01-01T00:00:00.000Z',
    name: 'UploadedBytes',
    unit: 'Bytes',
    value: 7,
    dimensions: {},
  });
  expect(statSync(path).size).toBeLessThanOrEqual(300);
  expect(existsSync(`${path}.1`)).toBe(true);
});

it('loses figures rather than failing when they cannot be written', async () => {
  const file = join(tempFolder(), 'file');
  writeFileSync(file, '');
  const metrics = new JsonlMetrics({ path: join(file, 'metrics.jsonl'), clock: systemClock });

  await expect(metrics.put([{ name: 'CasesFailed', value: 1 }])).resolves.toBeUndefined();
});
