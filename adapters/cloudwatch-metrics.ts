import { PutMetricDataCommand, type CloudWatchClient, type MetricDatum } from '@aws-sdk/client-cloudwatch';
import { METRICS, type MetricSample } from '../core/metrics.ts';
import type { Clock, Metrics } from '../core/ports.ts';

/** Most figures that one request takes. */
const MAX_DATA = 1_000;

/** Metrics in CloudWatch, below the namespace of a deployment (`metricNamespace`). */
export class CloudWatchMetrics implements Metrics {
  readonly #client: CloudWatchClient;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #namespace: string;

  constructor(client: CloudWatchClient, clock: Pick<Clock, 'now'>, namespace: string) {
    this.#client = client;
    this.#clock = clock;
    this.#namespace = namespace;
  }

  async put(samples: readonly MetricSample[]): Promise<void> {
    const time = new Date(this.#clock.now());
    for (let at = 0; at < samples.length; at += MAX_DATA) {
      const MetricData = samples.slice(at, at + MAX_DATA).map((sample) => datum(sample, time));
      try {
        await this.#client.send(new PutMetricDataCommand({ Namespace: this.#namespace, MetricData }));
      } catch {
        // A lost figure fails no job.
      }
    }
  }
}

function datum({ name, value, dimensions = {} }: MetricSample, time: Date): MetricDatum {
  const given = Object.entries(dimensions).filter(([, text]) => text !== undefined && text !== '');
  return {
    MetricName: name,
    Unit: METRICS[name].unit,
    Value: value,
    Timestamp: time,
    Dimensions: given.map(([Name, Value]) => ({ Name, Value })),
  };
}
