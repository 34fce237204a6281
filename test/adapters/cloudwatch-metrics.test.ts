import { CloudWatchClient, GetMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { expect, it } from 'vitest';
import { CloudWatchMetrics } from '../../adapters/cloudwatch-metrics.ts';
import { systemClock } from '../../adapters/system.ts';
import { metricNamespace } from '../../core/metrics.ts';
import { clientOptions, ministack } from '../fixtures/emulators.ts';
import { metricsContract } from './metrics.contract.ts';

const NAMESPACE = metricNamespace('test');
const HOUR_MS = 3_600_000;

metricsContract('CloudWatch', async () => {
  const client = new CloudWatchClient(clientOptions(await ministack()));
  return {
    metrics: new CloudWatchMetrics(client, systemClock, NAMESPACE),
    sum: async (name, dimensions) => {
      const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
      const Metric = { Namespace: NAMESPACE, MetricName: name, Dimensions };
      const { MetricDataResults } = await client.send(
        new GetMetricDataCommand({
          StartTime: new Date(Date.now() - HOUR_MS),
          EndTime: new Date(Date.now() + HOUR_MS),
          MetricDataQueries: [{ Id: 'm', MetricStat: { Metric, Period: 60, Stat: 'Sum' } }],
        }),
      );
      const values = MetricDataResults?.[0]?.Values ?? [];
      return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
    },
  };
});

it('loses figures rather than failing when CloudWatch cannot be reached', async () => {
  const client = new CloudWatchClient({
    ...clientOptions({ endpoint: 'http://127.0.0.1:9' }),
    maxAttempts: 1,
  });

  await expect(
    new CloudWatchMetrics(client, systemClock, NAMESPACE).put([{ name: 'CasesFailed', value: 1 }]),
  ).resolves.toBeUndefined();
});
