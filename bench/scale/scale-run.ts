import { setTimeout as sleep } from 'node:timers/promises';
import { collectGarbage } from '../../adapters/collect-garbage.ts';
import { UploadIntake } from '../../adapters/intake/upload-intake.ts';
import { jsonLog } from '../../adapters/json-log.ts';
import { LocalExecutions } from '../../adapters/local-executions.ts';
import { randomIds } from '../../adapters/random-ids.ts';
import { StoreBundler } from '../../adapters/store-bundler.ts';
import { StoreJobIndex } from '../../adapters/store-job-index.ts';
import { systemClock } from '../../adapters/system.ts';
import { HpbError } from '../../core/errors.ts';
import { isFinal } from '../../core/job.ts';
import { jobPlanKey, type JobId, type UploadId } from '../../core/layout.ts';
import { mapLimited } from '../../core/map-limited.ts';
import type { ObjectStore } from '../../core/ports.ts';
import { publishResults } from '../../core/use-cases/publish-results.ts';
import { readJob } from '../../core/use-cases/read-job.ts';
import { DEFAULT_LIMITS, type ServicePorts } from '../../core/use-cases/service-ports.ts';
import { submitJob } from '../../core/use-cases/submit-job.ts';
import { uploadDocumentKey, uploadInputKey } from '../../core/layout.ts';
import { workflowFunctions } from '../../core/use-cases/workflow-functions.ts';
import { PACKED_CT } from '../../test/fixtures/bad-archives.ts';
import { MemorySignedLinks } from '../../test/fakes/memory-signed-links.ts';
import { MemoryObjectStore } from '../../test/fakes/memory-object-store.ts';
import { SimulatedBatch, type BatchCounts } from './simulated-batch.ts';
import { WorkerDouble } from './worker-double.ts';

/** What a phase took of this process. */
export interface PhaseCost {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

/** What a batch took, worker stages left out. */
export interface ScaleFigures {
  readonly cases: number;
  readonly shards: number;
  readonly prepare: PhaseCost;
  /** From the plan to the last shard: the workflow, and calls that were throttled; the wall is mostly waiting. */
  readonly run: PhaseCost;
  /** Outcomes, manifest, and what goes into the ZIP. */
  readonly publish: PhaseCost;
  /** The ZIP of all results, which grows with their bytes. */
  readonly zip: PhaseCost;
  /** Of one `GET /jobs/{id}` while the batch runs, and when it has ended. */
  readonly status: { readonly running: PhaseCost; readonly ended: PhaseCost };
  readonly looks: number;
  readonly batch: BatchCounts;
  readonly planBytes: number;
  readonly largestItemBytes: number;
  /** Most of the heap that was in use between two phases, garbage left out: what grows with the cases. */
  readonly heldBytes: number;
  /** Of the process, garbage that was not collected yet included. */
  readonly peakBytes: number;
}

const LINKS = { baseUrl: 'http://bench', events: false } as const;
const LOOK_EVERY_MS = 2_000;
const WRITE_AT_ONCE = 32;

/** Uploads so many small CTs and the manifest that names them; returns its upload. */
async function uploadCases(store: ObjectStore, cases: number): Promise<UploadId> {
  const put = async (uploadId: UploadId, bytes: Uint8Array, fileName: string): Promise<void> => {
    const document = {
      layoutVersion: 1,
      uploadId,
      fileName,
      sizeBytes: bytes.length,
      sha256: null,
      createdAt: Date.now(),
      multipart: null,
    };
    await store.put(uploadDocumentKey(uploadId), JSON.stringify(document));
    await store.put(uploadInputKey(uploadId), bytes);
  };
  const ids = Array.from({ length: cases }, () => randomIds.uploadId());
  await mapLimited(ids, WRITE_AT_ONCE, (id) => put(id, PACKED_CT, 'ct.nii.gz'));
  const manifest = { cases: ids.map((uploadId, at) => ({ uploadId, name: `case ${at + 1}` })) };
  const own = randomIds.uploadId();
  await put(own, Buffer.from(JSON.stringify(manifest)), 'batch.json');
  return own;
}

class Stopwatch {
  #wall = performance.now();
  #cpu = process.cpuUsage();

  lap(): PhaseCost {
    const { user, system } = process.cpuUsage(this.#cpu);
    const wallSeconds = (performance.now() - this.#wall) / 1000;
    this.#wall = performance.now();
    this.#cpu = process.cpuUsage();
    return { wallSeconds, cpuSeconds: (user + system) / 1e6 };
  }
}

/** Buffers of a ZIP that goes up, 64 MiB at most whatever the batch, are left out. */
function bytesInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** What happens when a state of the workflow is entered or left. */
interface Marks {
  prepare: PhaseCost | null;
  run: PhaseCost | null;
  gathered: PhaseCost | null;
  zip: PhaseCost | null;
  published: PhaseCost | null;
}

/**
 * Plans, runs and publishes a batch of so many cases through the real use-cases, workflow, index and store; the place of
 * Batch is taken by one that throttles, that of the workers by a process of its own.
 */
export async function scaleRun(address: string, store: ObjectStore, cases: number): Promise<ScaleFigures> {
  const uploadId = await uploadCases(store, cases);
  const double = new WorkerDouble(address);
  const marks: Marks = { prepare: null, run: null, gathered: null, zip: null, published: null };
  const watch = new Stopwatch();
  let heldBytes = 0;
  const mark = (phase: keyof Marks): void => {
    marks[phase] = watch.lap();
    heldBytes = Math.max(heldBytes, bytesInUse());
    watch.lap();
  };
  const batch = new SimulatedBatch(async ({ command }) => {
    const [first, second] = command;
    if (first === '--shard-key') await double.write(second!);
    else await publishing();
    return 0;
  });
  const ports = wire(store, cases, batch, {
    prepared: () => mark('prepare'),
    publishing: () => mark('run'),
    packing: () => mark('gathered'),
    packed: () => mark('zip'),
    published: () => mark('published'),
  });
  let jobId: JobId | null = null;
  const publishing = async (): Promise<void> => {
    mark('run');
    await publishResults(ports, { jobId, attempt: 1 });
    mark('published');
  };
  try {
    watch.lap();
    const { job } = await submitJob(ports, {
      target: 'batch',
      body: { uploadId, model: 'liver' },
      baseUrl: LINKS.baseUrl,
    });
    jobId = job.jobId;
    const looked = await untilEnded(ports, jobId);
    const plan = await store.get(jobPlanKey(jobId, 1));
    const items = JSON.parse(new TextDecoder().decode(plan)) as readonly object[];
    return {
      cases,
      shards: items.length,
      prepare: marks.prepare!,
      run: less(marks.run!, looked.running, looked.looks),
      publish: sum(marks.gathered, marks.published),
      zip: sum(marks.zip),
      status: { running: looked.running, ended: looked.ended },
      looks: looked.looks,
      batch: batch.counts,
      planBytes: plan.length,
      largestItemBytes: Math.max(...items.map((item) => JSON.stringify(item).length)),
      heldBytes,
      peakBytes: process.resourceUsage().maxRSS * 1024,
    };
  } finally {
    double.close();
  }
}

/** The looks at the status in the meantime are counted by themselves. */
function less(phase: PhaseCost, each: PhaseCost, times: number): PhaseCost {
  return {
    wallSeconds: phase.wallSeconds,
    cpuSeconds: Math.max(0, phase.cpuSeconds - times * each.cpuSeconds),
  };
}

function sum(...costs: readonly (PhaseCost | null)[]): PhaseCost {
  const total = (of: (cost: PhaseCost) => number): number =>
    costs.reduce((all, cost) => all + (cost === null ? 0 : of(cost)), 0);
  return { wallSeconds: total((one) => one.wallSeconds), cpuSeconds: total((one) => one.cpuSeconds) };
}

interface Listener {
  readonly prepared: () => void;
  readonly publishing: () => void;
  readonly packing: () => void;
  readonly packed: () => void;
  readonly published: () => void;
}

function wire(store: ObjectStore, cases: number, jobs: SimulatedBatch, told: Listener): ServicePorts {
  const bundler = new StoreBundler(store);
  const unwired: Omit<ServicePorts, 'executions'> = {
    store,
    links: new MemorySignedLinks(new MemoryObjectStore()),
    index: new StoreJobIndex(store, systemClock),
    jobs,
    intake: new UploadIntake({ store, scratch: 'none' }),
    bundler: {
      bundle: async (key, members) => {
        told.packing();
        const written = await bundler.bundle(key, members);
        told.packed();
        return written;
      },
    },
    metrics: { put: async () => undefined },
    ids: randomIds,
    clock: systemClock,
    log: jsonLog({ level: 'error', clock: systemClock, write: (line) => process.stderr.write(line) }),
    limits: { ...DEFAULT_LIMITS, maxCases: Math.max(cases, DEFAULT_LIMITS.maxCases) },
    admission: async () => undefined,
  };
  const functions = workflowFunctions(unwired);
  const executions = new LocalExecutions({
    store,
    jobs,
    functions: {
      ...functions,
      PrepareJob: async (payload) => {
        const answer = await functions.PrepareJob(payload);
        told.prepared();
        return answer;
      },
      PublishResults: async (payload) => {
        told.publishing();
        const answer = await functions.PublishResults(payload);
        told.published();
        return answer;
      },
    },
  });
  return { ...unwired, executions };
}

interface Looked {
  readonly looks: number;
  readonly running: PhaseCost;
  readonly ended: PhaseCost;
}

/** Asks for the status as a client does until the job has ended. */
async function untilEnded(ports: ServicePorts, jobId: JobId): Promise<Looked> {
  const looks: PhaseCost[] = [];
  for (;;) {
    await sleep(LOOK_EVERY_MS);
    const watch = new Stopwatch();
    const { state, error } = await readJob(ports, jobId, LINKS);
    const cost = watch.lap();
    if (state === 'SUCCEEDED') return { looks: looks.length, running: meanOf(looks), ended: cost };
    if (isFinal(state))
      throw new HpbError('UNEXPECTED', `The batch ended ${state}: ${JSON.stringify(error)}`, {
        remedy: 'Look at bench/scale.',
      });
    if (state === 'RUNNING') looks.push(cost);
  }
}

function meanOf(costs: readonly PhaseCost[]): PhaseCost {
  const mean = (of: (cost: PhaseCost) => number): number =>
    costs.reduce((sum, cost) => sum + of(cost), 0) / Math.max(1, costs.length);
  return { wallSeconds: mean((one) => one.wallSeconds), cpuSeconds: mean((one) => one.cpuSeconds) };
}
