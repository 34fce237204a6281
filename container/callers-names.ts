import { asHpbError } from '../core/errors.ts';
import { jobCasesKey, type JobId } from '../core/layout.ts';
import { findCases } from '../core/use-cases/job-cases.ts';
import type { WorkerPorts } from './case-context.ts';

/** The names of one job's cases, as of one version of its cases.json. */
interface KnownNames {
  readonly jobId: JobId;
  readonly tag: string;
  readonly names: ReadonlyMap<string, string>;
}

/**
 * The caller's names of cases, for meta.json only. Those of the latest job are kept: each of its shards asks, and
 * cases.json grows with the job.
 */
export class CallersNames {
  readonly #ports: Pick<WorkerPorts, 'store' | 'log'>;
  #known: KnownNames | null = null;

  constructor(ports: Pick<WorkerPorts, 'store' | 'log'>) {
    this.#ports = ports;
  }

  /** By case id; without those that are not known. Never throws. */
  async of(jobId: JobId): Promise<ReadonlyMap<string, string>> {
    const { store, log } = this.#ports;
    try {
      const facts = await store.head(jobCasesKey(jobId));
      if (facts === null) return new Map();
      if (this.#known?.jobId === jobId && this.#known.tag === facts.tag) return this.#known.names;
      const found = await findCases(store, jobId);
      const names = new Map(found?.cases.map(({ caseId, name }) => [caseId, name]));
      this.#known = { jobId, tag: facts.tag, names };
      return names;
    } catch (thrown) {
      log.warn('worker:names-unknown', { jobId, code: asHpbError(thrown).code });
      return new Map();
    }
  }
}
