import { describe, expect, it } from 'vitest';
import { METRICS } from '../../../core/metrics.ts';
import { ALARMS } from '../../../core/monitoring/alarms.ts';
import { queryText, SAVED_QUERIES } from '../../../core/monitoring/queries.ts';

describe('alarms', () => {
  it('have names without ids, each once', () => {
    const ids = ALARMS.map(({ id }) => id);

    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });

  it('that look at figures of ours name those that are put, with the dimensions they are put with', () => {
    const own = ALARMS.flatMap(({ source }) => (source.of === 'own' ? [source] : []));

    for (const { metric, dimensions } of own) {
      expect(METRICS).toHaveProperty(metric);
      // Figures without dimensions are put without any; errors of cases by code alone.
      expect(dimensions === undefined).toBe(metric !== 'CaseErrors');
    }
  });
});

describe('a saved query', () => {
  it('begins with its events', () => {
    const query = SAVED_QUERIES.find(({ name }) => name === 'Sweeps')!;

    expect(queryText(query).split('\n')[0]).toBe('filter event in ["sweep:done"]');
  });

  it.each(SAVED_QUERIES)('$name fits what CloudWatch takes', (query) => {
    expect(queryText(query).length).toBeLessThan(10_000);
    expect(query.name).toMatch(/^[A-Za-z0-9 ,]+$/);
  });
});
