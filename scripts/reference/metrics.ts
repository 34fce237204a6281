import { METRIC_DIMENSIONS, metricNamespace, METRICS } from '../../core/metrics.ts';
import { ALARMS } from '../../core/monitoring/alarms.ts';
import { code, page, table } from './markdown.ts';

/** docs/reference/metrics.md: every figure that is put, and the alarms that look at it. */
export function metricsPage(): string {
  return page(
    'Metrics',
    `In CloudWatch below the namespace ${code(metricNamespace('<stage>'))}, on a laptop as lines of \`metrics.jsonl\` in the data root. They are told apart by ${METRIC_DIMENSIONS.map(code).join(', ')} only, never by an id.`,
    table(
      ['name', 'unit', 'meaning', 'alarms'],
      Object.entries(METRICS).map(([name, { unit, meaning }]) => [
        code(name),
        unit,
        meaning,
        ALARMS.filter(({ source }) => source.of === 'own' && source.metric === name)
          .map(({ id }) => `[${id}](../runbook.md#${id})`)
          .join(', '),
      ]),
    ),
  );
}
