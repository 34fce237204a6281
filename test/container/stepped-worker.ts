import { expect, vi } from 'vitest';
import type { WorkerPorts } from '../../container/case-context.ts';
import { runShard, type ShardHooks, type ShardOutcome } from '../../container/worker.ts';
import { HpbError } from '../../core/errors.ts';
import { caseIdOf, caseInputKey, caseZipKey } from '../../core/layout.ts';
import type { ObjectStore } from '../../core/ports.ts';
import type { Volume } from '../../core/volume/volume.ts';
import { FakeEngine, type FakeRun } from '../fakes/fake-engine.ts';
import { JOB, shardOf, smallCt, workerBench, type WorkerBench } from './worker-bench.ts';

/** What takes time: the CT comes, the engine works, the ZIP goes. */
type Step = 'fetch' | 'segment' | 'publish';

/** A worker in which each step of a case lasts until the test lets it end; one second of its clock passes then. */
export class SteppedWorker {
  readonly engine: FakeEngine;
  readonly engineCases: string[] = [];
  readonly machineSeconds: number[] = [];
  bench!: WorkerBench;
  outcome!: Promise<ShardOutcome>;
  #now = 0;
  readonly #held = new Map<string, () => void>();
  readonly #published = new Set<string>();
  readonly #ended = new Set<string>();

  /** @param faults what the engine's first runs do instead of working, one each */
  constructor(cases: number, faults: readonly FakeRun[] = []) {
    const work: FakeRun = async ({ output, signal }, plausible) => {
      const caseId = /\/(c\d{4})\/out\//.exec(output)![1]!;
      this.engineCases.push(caseId);
      await this.#hold('segment', caseId, signal);
      return plausible();
    };
    this.engine = new FakeEngine(...faults, ...Array.from({ length: cases }, () => work));
  }

  /** @param ct of every case; default: small ones */
  async start(
    cases: number,
    hooks: ShardHooks = {},
    changes: Partial<WorkerPorts> = {},
    ct?: Volume,
  ): Promise<void> {
    const meter = {
      queued: () => undefined,
      stage: () => undefined,
      engineRun: () => undefined,
      costOf: (seconds: number) => ({ machine: 'm', usd: seconds }),
      caseEnded: async (_: unknown, __: unknown, seconds: number) => void this.machineSeconds.push(seconds),
    };
    const clock = { now: () => 1000 * this.#now, seconds: () => this.#now };
    this.bench = await workerBench(this.engine, { clock, meter, ...changes });
    for (let at = 1; at <= cases; at++) await this.bench.input(at, ct ?? smallCt(at));
    const ports = { ...this.bench.ports, store: this.#slow(this.bench.store) };
    this.outcome = runShard(shardOf(cases, ['liver']), ports, {
      ...hooks,
      onCase: ({ caseId }) => void this.#ended.add(caseId),
    });
  }

  /** Waits until exactly these steps are under way, and cases that are published have ended. */
  async until(...steps: readonly string[]): Promise<void> {
    const isThere = (): void => {
      expect([...this.#held.keys()].sort()).toEqual([...steps].sort());
      expect([...this.#published].filter((caseId) => !this.#ended.has(caseId))).toEqual([]);
    };
    await vi.waitFor(isThere, { timeout: 10_000, interval: 5 });
  }

  /** Ends these steps, or all that are under way, a second after they began. */
  end(...steps: readonly string[]): void {
    this.#now += 1;
    for (const step of steps.length > 0 ? steps : [...this.#held.keys()]) {
      this.#held.get(step)!();
      this.#held.delete(step);
      const [name, caseId] = step.split(' ');
      if (name === 'publish') this.#published.add(caseId!);
    }
  }

  async ends(): Promise<readonly string[]> {
    return (await this.outcome).cases.map(({ error, outcome }) => error?.code ?? outcome);
  }

  #hold(step: Step, caseId: string, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#held.set(`${step} ${caseId}`, resolve);
      signal?.addEventListener('abort', () => {
        this.#held.delete(`${step} ${caseId}`);
        reject(new HpbError('CANCELLED', 'Cancelled.', { remedy: 'None.' }));
      });
    });
  }

  #slow(store: ObjectStore): ObjectStore {
    const ids = Array.from({ length: 20 }, (_, at) => caseIdOf(at + 1));
    const getFile: ObjectStore['getFile'] = async (key, ...rest) => {
      await this.#hold(
        'fetch',
        ids.find((id) => caseInputKey(JOB, id) === key)!,
      );
      return store.getFile(key, ...rest);
    };
    const publishing = async (key: string): Promise<void> => {
      const id = ids.find((one) => caseZipKey(JOB, one) === key);
      if (id !== undefined) await this.#hold('publish', id);
    };
    const putFile: ObjectStore['putFile'] = async (key, ...rest) => {
      await publishing(key);
      return store.putFile(key, ...rest);
    };
    const put: ObjectStore['put'] = async (key, ...rest) => {
      await publishing(key);
      return store.put(key, ...rest);
    };
    return new Proxy(store, {
      get: (target, name) => {
        if (name === 'getFile') return getFile;
        if (name === 'putFile') return putFile;
        if (name === 'put') return put;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }
}
