import { join } from 'node:path';
import { ComputePool } from '../../adapters/compute-pool.ts';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { systemClock } from '../../adapters/system.ts';
import type { WorkerPorts } from '../../container/case-context.ts';
import { runShard } from '../../container/worker.ts';
import { openScratch } from '../../container/scratch.ts';
import type { Engine, LocatedWeights } from '../../core/engine-port.ts';
import { caseIdOf, caseInputKey, caseResultKey, type JobId } from '../../core/layout.ts';
import type { ModelId } from '../../core/models/catalogue.ts';
import { caseResult, shard, type CaseResult, type Shard } from '../../core/shard.ts';
import type { Grid, Volume } from '../../core/volume/volume.ts';
import { memoryLog, type MemoryLog } from '../fixtures/memory-log.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

/** Threads that all benches of a file share; they keep no process alive. */
const COMPUTE = new ComputePool();

export const JOB = 'job-00000001' as JobId;

/** A worker over folders of this test, with the engine given. */
export interface WorkerBench {
  readonly ports: WorkerPorts;
  readonly store: FileObjectStore;
  readonly log: MemoryLog;
  readonly scratchRoot: string;
  /** Puts a CT into the store as the n-th case. */
  readonly input: (ordinal: number, ct?: Volume) => Promise<void>;
}

/** Weights that are whole and not demo, unless changed. */
export function fakeWeights(demo = false, sha256 = 'a'.repeat(64)): LocatedWeights {
  return {
    location: { nnunetV1ModelFolder: '/weights/v1', totalSegmentatorRoot: '/weights/totalseg' },
    used: [{ id: 'ts297', demo, files: [{ name: 'plans.json', sha256 }] }],
  };
}

export async function workerBench(engine: Engine, changes: Partial<WorkerPorts> = {}): Promise<WorkerBench> {
  const folder = tempFolder();
  const log = memoryLog();
  const store = new FileObjectStore(join(folder, 'objects'));
  const scratchRoot = join(folder, 'scratch');
  const scratch = await openScratch({ in: scratchRoot, out: scratchRoot }, log);
  const ports: WorkerPorts = {
    store,
    engine,
    compute: COMPUTE,
    weights: { locate: async () => fakeWeights() },
    clock: systemClock,
    log,
    scratch,
    memoryPresent: async () => 2 ** 36,
    serviceVersion: '0.0.0-test',
    keepIntermediate: false,
    signer: null,
    imageDigest: null,
    meshFormat: null,
    previews: false,
    ...changes,
  };
  const input = async (ordinal: number, ct = smallCt()): Promise<void> => {
    const path = join(folder, `ct-${ordinal}.nii.gz`);
    await writeNifti(path, ct);
    await store.putFile(caseInputKey(JOB, caseIdOf(ordinal)), path);
  };
  return { ports, store, log, scratchRoot, input };
}

/** LPS with an offset, so that a mask in another frame would be noticed. */
export const GRID: Grid = {
  dims: [40, 40, 24],
  affine: [-4, 0, 0, 100, 0, -4, 0, 80, 0, 0, 5, -60, 0, 0, 0, 1],
};

/** Air around a body with organs' HU, in int16. */
export function smallCt(seed = 1): Volume {
  const [nx, ny, nz] = GRID.dims;
  const data = new Int16Array(nx * ny * nz);
  let state = seed;
  for (let at = 0; at < data.length; at++) {
    state = (state * 1103515245 + 12345) % 2147483648;
    const [i, j] = [at % nx, Math.floor(at / nx) % ny];
    const radius = Math.hypot(i - nx / 2, j - ny / 2);
    const hu = radius > 17 ? -1000 : radius > 14 ? -100 : 60;
    data[at] = hu + (state % 41) - 20;
  }
  return { grid: GRID, data, slope: 1, intercept: 0 };
}

/** A shard of cases 1 to n with the same models. */
export function shardOf(
  cases: number,
  models: readonly ModelId[] = ['liver', 'task008'],
  attempt = 1,
): Shard {
  return shard.parse({
    layoutVersion: 1,
    jobId: JOB,
    attempt,
    cases: Array.from({ length: cases }, (_, at) => ({
      caseId: caseIdOf(at + 1),
      inputKey: caseInputKey(JOB, caseIdOf(at + 1)),
      models,
      options: {},
      timeoutSeconds: 60,
    })),
  });
}

/** The result.json of a case. */
export async function resultIn({ store }: Pick<WorkerBench, 'store'>, ordinal = 1): Promise<CaseResult> {
  const bytes = await store.get(caseResultKey(JOB, caseIdOf(ordinal)));
  return caseResult.parse(JSON.parse(new TextDecoder().decode(bytes)));
}

/** Runs a shard of good CTs and says how each case ended. */
export async function endings(
  bench: WorkerBench,
  shard: Shard,
): Promise<{ ends: string[]; exitCode: number }> {
  for (const [at] of shard.cases.entries()) await bench.input(at + 1, smallCt(at + 1));
  const { cases, exitCode } = await runShard(shard, bench.ports);
  return { ends: cases.map(({ error, outcome }) => error?.code ?? outcome), exitCode };
}
