import { createHash } from 'node:crypto';
import { UploadIntake } from '../../adapters/intake/upload-intake.ts';
import { HpbError } from '../../core/errors.ts';
import type { JobDocument } from '../../core/job.ts';
import type { JobId, UploadId } from '../../core/layout.ts';
import type { MetricSample } from '../../core/metrics.ts';
import type {
  Bundler,
  ExecutionFacts,
  Executions,
  Intake,
  IntakeReport,
  IntakeRequest,
} from '../../core/ports.ts';
import { DEFAULT_LIMITS, type ServiceLimits, type ServicePorts } from '../../core/use-cases/service-ports.ts';
import type { ExecutionInput } from '../../core/workflow.ts';
import { memoryLog, type MemoryLog } from '../fixtures/memory-log.ts';
import { MemoryJobIndex } from './memory-job-index.ts';
import { MemoryObjectStore } from './memory-object-store.ts';
import { MemorySignedLinks } from './memory-signed-links.ts';

/** Executions that are only noted; a test sets how they end. */
export class FakeExecutions implements Executions {
  readonly started: { readonly name: string; readonly input: ExecutionInput }[] = [];
  readonly stopped: string[] = [];
  readonly facts = new Map<string, ExecutionFacts>();
  /** Called before a start; may throw to play a process that dies. */
  beforeStart: (name: string) => void = () => undefined;

  async start(name: string, input: ExecutionInput): Promise<void> {
    this.beforeStart(name);
    if (this.facts.has(name)) return;
    this.started.push({ name, input });
    this.facts.set(name, { name, status: 'RUNNING', error: null, cause: null });
  }

  async stop(name: string): Promise<void> {
    this.stopped.push(name);
    const facts = this.facts.get(name);
    if (facts?.status === 'RUNNING') this.facts.set(name, { ...facts, status: 'ABORTED' });
  }

  async describe(name: string): Promise<ExecutionFacts | null> {
    return this.facts.get(name) ?? null;
  }
}

/** An intake that reports what the test has set; headers are those of the bytes in the store. */
export class FakeIntake implements Intake {
  readonly requests: IntakeRequest[] = [];
  readonly peek: Intake['peek'];
  take: (request: IntakeRequest) => Promise<IntakeReport> = async () => {
    throw new HpbError('UNEXPECTED', 'The test has set up no intake.', { remedy: 'Use `finds`.' });
  };

  constructor(store: MemoryObjectStore) {
    const intake = new UploadIntake({ store, scratch: 'none' });
    this.peek = (upload) => intake.peek(upload);
  }

  /** From now on every upload is found to be this. */
  finds(report: IntakeReport | Error): void {
    this.take = async (request) => {
      this.requests.push(request);
      if (report instanceof Error) throw report;
      return report;
    };
  }
}

/** A bundler that stores a JSON list of its members instead of a ZIP. */
export class FakeBundler implements Bundler {
  readonly bundled: { readonly key: string; readonly members: Parameters<Bundler['bundle']>[1] }[] = [];
  readonly #store: MemoryObjectStore;

  constructor(store: MemoryObjectStore) {
    this.#store = store;
  }

  async bundle(
    key: string,
    members: Parameters<Bundler['bundle']>[1],
  ): Promise<{ readonly bytes: number; readonly sha256: string }> {
    for (const { source } of members) if ('key' in source) await this.#store.get(source.key);
    this.bundled.push({ key, members });
    const text = JSON.stringify(members);
    const { bytes } = await this.#store.put(key, text);
    return { bytes, sha256: sha256(text) };
  }
}

/** The ports of the service with everything in memory. */
export interface ServiceFakes extends ServicePorts {
  readonly store: MemoryObjectStore;
  readonly links: MemorySignedLinks;
  readonly index: MemoryJobIndex;
  readonly executions: FakeExecutions;
  readonly intake: FakeIntake;
  readonly bundler: FakeBundler;
  readonly log: MemoryLog;
  readonly samples: MetricSample[];
  readonly finished: JobDocument[];
  /** The clock, ms since 1970; a test may turn it. */
  readonly time: { now: number };
}

/** Makes ports in memory; nothing is stored yet. */
export function serviceFakes(limits: Partial<ServiceLimits> = {}): ServiceFakes {
  const time = { now: 1_700_000_000_000 };
  const store = new MemoryObjectStore();
  store.now = () => time.now;
  const samples: MetricSample[] = [];
  const finished: JobDocument[] = [];
  let ids = 0;
  const next = (): string => String(++ids).padStart(12, '0');
  return {
    time,
    store,
    samples,
    finished,
    links: new MemorySignedLinks(store),
    index: new MemoryJobIndex(),
    executions: new FakeExecutions(),
    intake: new FakeIntake(store),
    bundler: new FakeBundler(store),
    log: memoryLog(),
    limits: { ...DEFAULT_LIMITS, ...limits },
    jobs: { queuePosition: async () => null, logTail: async () => [] },
    metrics: { put: async (some) => void samples.push(...some) },
    ids: {
      uploadId: () => `u-${next()}` as UploadId,
      jobId: () => `j-${next()}` as JobId,
      derivedJobId: (text) => `d-${sha256(text).slice(0, 32)}` as JobId,
      sha256,
    },
    clock: { now: () => time.now, seconds: () => time.now / 1000 },
    admission: async () => undefined,
    onFinished: async (job) => void finished.push(job),
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
