import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { UploadIntake } from '../../adapters/intake/upload-intake.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { StoreBundler } from '../../adapters/store-bundler.ts';
import { StoreJobIndex } from '../../adapters/store-job-index.ts';
import { CallersNames } from '../../container/callers-names.ts';
import { runTask, type TaskPorts } from '../../container/worker-task.ts';
import type { WorkerTask } from '../../container/worker-arguments.ts';
import { shardKey, uploadInputKey, type JobId } from '../../core/layout.ts';
import { prepareJob } from '../../core/use-cases/prepare-job.ts';
import type { Volume } from '../../core/volume/volume.ts';
import { askedStore, type AskedRight } from '../fakes/asked-rights.ts';
import { FakeEngine } from '../fakes/fake-engine.ts';
import { serviceFakes, type ServiceFakes } from '../fakes/service-fakes.ts';
import { submittedJob, uploadOf } from '../fakes/stored-job.ts';
import { held } from '../fixtures/granted-rights.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { zipOf } from '../fixtures/weights.ts';
import { GRID, smallCt, workerBench } from './worker-bench.ts';

const SIGNALS = { drain: new AbortController().signal, cancel: new AbortController().signal };

/** A service whose workers unpack every archive, and what workers of either role ask of it. */
async function world() {
  const fakes = serviceFakes({ functionArchiveBytes: 1 });
  const folder = tempFolder();
  const others = { ...fakes, index: new StoreJobIndex(fakes.store, fakes.clock) } as unknown as ServiceFakes;
  const run = async (task: WorkerTask): Promise<readonly AskedRight[]> => {
    const asked: AskedRight[] = [];
    const store = askedStore(fakes.store, (action, of = '') => void asked.push({ action, of }));
    const { ports: worker, log } = await workerBench(new FakeEngine(), { store });
    const index = new StoreJobIndex(store, fakes.clock);
    const intake = new UploadIntake({ store, scratch: join(folder, 'intake') });
    const service = { ...fakes, store, index, intake, bundler: new StoreBundler(store) };
    const { onFinished: _, ...deaf } = service;
    const ports: TaskPorts = {
      worker,
      names: new CallersNames({ store, log }),
      service: deaf,
      metrics: fakes.metrics,
    };
    await runTask(task, ports, SIGNALS).catch(() => undefined);
    return asked;
  };
  const sent = async (bytes: Uint8Array) => {
    const uploadId = await uploadOf(fakes, bytes.length);
    await fakes.store.put(uploadInputKey(uploadId), bytes);
    return uploadId;
  };
  const jobOf = async (bytes: Uint8Array): Promise<JobId> => {
    const jobId = await submittedJob(others, { body: { uploadId: await sent(bytes), model: 'liver' } });
    await prepareJob(others, { phase: 'prepare', jobId, attempt: 1 }).catch(() => undefined);
    return jobId;
  };
  const fileOf = async (ct: Volume): Promise<Buffer> => {
    const path = join(folder, 'ct.nii.gz');
    await writeNifti(path, ct);
    return readFile(path);
  };
  return { ct: await fileOf(smallCt()), large: await fileOf(largeCt()), jobOf, others, run, sent };
}

/** Whose volume is too large to be stored out of memory. */
function largeCt(): Volume {
  const small = smallCt();
  const data = new Int16Array(2 * small.data.length);
  for (const at of [0, small.data.length]) data.set(small.data, at);
  return { ...small, data, grid: { ...GRID, dims: [GRID.dims[0], GRID.dims[1], 2 * GRID.dims[2]] } };
}

/** The models have a bucket of their own, and workers a port for figures that is not noted. */
const ofJobs = (role: Parameters<typeof held>[0], asked: readonly AskedRight[]) => {
  const { refused, idle } = held(role, asked);
  return { refused, idle: idle.filter((right) => !/ models|^cloudwatch:/.test(right)) };
};

it('workers may do with jobs and uploads what they do, and no more', async () => {
  const { ct, large, jobOf, others, run, sent } = await world();
  const jobId = await jobOf(await zipOf({ 'one/raw.nii.gz': ct }));
  const bad = await jobOf(Buffer.from('no archive'));
  const own = { jobId, attempt: 1 };

  const unpacked = [
    ...(await run({ kind: 'take', ...own })),
    ...(await run({ kind: 'take', jobId: bad, attempt: 1 })),
  ];
  await prepareJob(others, { phase: 'plan', ...own });
  const ran = await run({ kind: 'shard', place: { key: shardKey(jobId, 1, 1) } });
  // A case of a manifest stays where it was uploaded.
  const shard = others.store.json(shardKey(jobId, 1, 1)) as { readonly cases: readonly object[] };
  const inputKey = uploadInputKey(await sent(large));
  const cases = shard.cases.map((one) => ({ ...one, inputKey, inputSha256: undefined }));
  await others.store.put(shardKey(jobId, 1, 2), JSON.stringify({ ...shard, cases }));
  const ranOfUpload = await run({ kind: 'shard', place: { key: shardKey(jobId, 1, 2) } });
  const published = await run({ kind: 'publish', ...own });

  const states = await Promise.all([jobId, bad].map(async (id) => (await others.index.get(id))?.state));
  expect(states).toEqual(['SUCCEEDED', 'FAILED']);
  expect(ofJobs('CpuWorkerRole', [...unpacked, ...published])).toEqual({ refused: [], idle: [] });
  expect(ofJobs('WorkerRole', [...ran, ...ranOfUpload])).toEqual({ refused: [], idle: [] });
});
