import { appendFile, mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { METRICS, type MetricSample } from '../core/metrics.ts';
import type { Clock, Metrics } from '../core/ports.ts';

/** Where the figures go. */
export interface JsonlMetricsOptions {
  readonly path: string;
  readonly clock: Pick<Clock, 'now'>;
  /** A file that has grown beyond this becomes `<path>.1`, the one before it goes. Default 8 MiB. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 8 * 2 ** 20;

/** Metrics as JSON lines `{"time", "name", "unit", "value", "dimensions"}` in a file. */
export class JsonlMetrics implements Metrics {
  readonly #options: JsonlMetricsOptions;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: JsonlMetricsOptions) {
    this.#options = options;
  }

  async put(samples: readonly MetricSample[]): Promise<void> {
    if (samples.length === 0) return;
    const time = new Date(this.#options.clock.now()).toISOString();
    const lines = samples.map(({ name, value, dimensions = {} }) =>
      JSON.stringify({ time, name, unit: METRICS[name].unit, value, dimensions }),
    );
    this.#writing = this.#writing.then(() => this.#append(`${lines.join('\n')}\n`)).catch(() => undefined);
    await this.#writing;
  }

  async #append(text: string): Promise<void> {
    const { path, maxBytes = MAX_BYTES } = this.#options;
    await mkdir(dirname(path), { recursive: true });
    const size = (await stat(path).catch(() => null))?.size ?? 0;
    if (size > 0 && size + text.length > maxBytes) await rename(path, `${path}.1`);
    await appendFile(path, text);
  }
}
