import type { JobFacts, Jobs, JobSpec } from '../../core/ports.ts';
import { StatesError } from '../../adapters/states-error.ts';

/** What AWS Batch takes, as its service quotas say. */
const SUBMITS_PER_SECOND = 50;
/** Largest SubmitJob payload. */
const MOST_SPEC_BYTES = 30 * 1024;

/** What a simulated Batch has seen. */
export interface BatchCounts {
  submitted: number;
  throttled: number;
  /** Largest request, bytes of JSON. */
  largestSpec: number;
  /** Most jobs at once that were neither ended nor refused. */
  mostAtOnce: number;
}

/**
 * AWS Batch as far as submitting goes: a bucket of 50 tokens that fills by 50 a second, and `TooManyRequests` when it is
 * empty, as the API answers. `run` does the work of a worker.
 */
export class SimulatedBatch implements Jobs {
  readonly counts: BatchCounts = { submitted: 0, throttled: 0, largestSpec: 0, mostAtOnce: 0 };
  readonly #run: (spec: JobSpec) => Promise<number>;
  readonly #jobs = new Map<string, Promise<JobFacts>>();
  #running = 0;
  #tokens = SUBMITS_PER_SECOND;
  #filledAt = performance.now();

  constructor(run: (spec: JobSpec) => Promise<number>) {
    this.#run = run;
  }

  async submit(spec: JobSpec): Promise<string> {
    this.#refill();
    if (this.#tokens < 1) {
      this.counts.throttled += 1;
      throw new StatesError('Batch.TooManyRequestsException', 'Too Many Requests (Status Code: 429)');
    }
    this.#tokens -= 1;
    const bytes = JSON.stringify(spec).length;
    if (bytes > MOST_SPEC_BYTES)
      throw new StatesError('Batch.ClientException', `A request of ${bytes} bytes.`);
    this.counts.submitted += 1;
    this.counts.largestSpec = Math.max(this.counts.largestSpec, bytes);
    this.#running += 1;
    this.counts.mostAtOnce = Math.max(this.counts.mostAtOnce, this.#running);
    this.#jobs.set(spec.name, this.#work(spec));
    return spec.name;
  }

  async wait(ref: string): Promise<JobFacts> {
    return this.#jobs.get(ref)!;
  }

  async describe(): Promise<null> {
    return null;
  }

  async terminate(): Promise<void> {}

  async queuePosition(): Promise<null> {
    return null;
  }

  async logTail(): Promise<readonly string[]> {
    return [];
  }

  #refill(): void {
    const now = performance.now();
    this.#tokens = Math.min(
      SUBMITS_PER_SECOND,
      this.#tokens + ((now - this.#filledAt) / 1000) * SUBMITS_PER_SECOND,
    );
    this.#filledAt = now;
  }

  async #work(spec: JobSpec): Promise<JobFacts> {
    const exitCode = await this.#run(spec);
    this.#running -= 1;
    const status = exitCode === 0 ? 'SUCCEEDED' : 'FAILED';
    return { ref: spec.name, name: spec.name, status, exitCode, reason: null, attempts: 1, log: null };
  }
}
