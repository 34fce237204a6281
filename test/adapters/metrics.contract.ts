import { describe, expect, it } from 'vitest';
import type { MetricSample } from '../../core/metrics.ts';
import type { Metrics } from '../../core/ports.ts';

/** A home of metrics, and what it holds. */
export interface MetricsHome {
  readonly metrics: Metrics;
  /** Sum of all figures of a name with exactly these dimensions; null when there is none. */
  readonly sum: (
    name: MetricSample['name'],
    dimensions: Readonly<Record<string, string>>,
  ) => Promise<number | null>;
}

/** What every home of metrics does. */
export function metricsContract(home: string, open: () => Promise<MetricsHome>): void {
  describe(`metrics in ${home}`, () => {
    it('keep figures apart by name and dimensions', async () => {
      const { metrics, sum } = await open();
      const model = `m-${crypto.randomUUID()}`;

      await metrics.put([
        { name: 'CasesSucceeded', value: 2, dimensions: { Model: model } },
        { name: 'CasesSucceeded', value: 3, dimensions: { Model: model } },
        { name: 'CasesSucceeded', value: 5, dimensions: { Model: model, Outcome: 'PARTIAL' } },
        { name: 'CaseSeconds', value: 1.5, dimensions: { Model: model } },
      ]);

      expect(await sum('CasesSucceeded', { Model: model })).toBe(5);
      expect(await sum('CasesSucceeded', { Model: model, Outcome: 'PARTIAL' })).toBe(5);
      expect(await sum('CaseSeconds', { Model: model })).toBe(1.5);
      expect(await sum('CasesFailed', { Model: model })).toBeNull();
    });

    it('take more figures than fit into one request, and none', async () => {
      const { metrics, sum } = await open();
      const Model = `m-${crypto.randomUUID()}`;

      await metrics.put(
        Array.from({ length: 1500 }, () => ({
          name: 'CasesFailed' as const,
          value: 1,
          dimensions: { Model },
        })),
      );
      await metrics.put([]);

      expect(await sum('CasesFailed', { Model })).toBe(1500);
    });
  });
}
