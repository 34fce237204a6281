import { describe, expect, it } from 'vitest';
import { CallersNames } from '../../container/callers-names.ts';
import { runTask, type TaskPorts } from '../../container/worker-task.ts';
import { WORKER_EXIT } from '../../core/errors.ts';
import { jobDocumentKey, shardKey, type JobId } from '../../core/layout.ts';
import { cancelJob } from '../../core/use-cases/cancel-job.ts';
import { prepareJob } from '../../core/use-cases/prepare-job.ts';
import { retryJob } from '../../core/use-cases/retry-job.ts';
import { StoreJobIndex } from '../../adapters/store-job-index.ts';
import { FakeEngine } from '../fakes/fake-engine.ts';
import { serviceFakes, type ServiceFakes } from '../fakes/service-fakes.ts';
import { foundCase, LINKS, reportOf, submittedJob } from '../fakes/stored-job.ts';
import { smallCt, workerBench } from './worker-bench.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { join } from 'node:path';

const SIGNALS = { drain: new AbortController().signal, cancel: new AbortController().signal };

/** A job whose one shard waits for a machine. */
async function waiting() {
  const fakes = serviceFakes();
  const ports = {
    ...fakes,
    index: new StoreJobIndex(fakes.store, fakes.clock),
  } as unknown as ServiceFakes;
  const jobId = await submittedJob(ports);
  ports.intake.finds(reportOf([foundCase(jobId, 1)]));
  await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
  const ct = join(tempFolder(), 'ct.nii.gz');
  await writeNifti(ct, smallCt());
  await ports.store.putFile(foundCase(jobId, 1).key!, ct);
  return { ports, jobId };
}

/** Gives its machine to the shard; says how its worker ended and whether it used the engine. */
async function started(ports: ServiceFakes, jobId: JobId, attempt = 1) {
  const engine = new FakeEngine();
  const { ports: worker, log } = await workerBench(engine, { store: ports.store });
  const { onFinished: _, ...service } = ports;
  const all: TaskPorts = {
    worker,
    names: new CallersNames(worker),
    service,
    metrics: ports.metrics,
  };
  const exit = await runTask({ kind: 'shard', place: { key: shardKey(jobId, attempt, 1) } }, all, SIGNALS);
  return { exit, opened: engine.opened.length, log: log.lines };
}

describe('a worker that gets its machine late', () => {
  it.each([
    ['is cancelled', async (ports, jobId) => void (await cancelJob(ports, jobId, LINKS))],
    [
      'is tried again',
      async (ports, jobId) => {
        await cancelJob(ports, jobId, LINKS);
        await retryJob(ports, jobId, LINKS);
      },
    ],
  ] satisfies [string, (ports: ServiceFakes, jobId: JobId) => Promise<void>][])(
    'does nothing when its job %s meanwhile',
    async (_, meanwhile) => {
      const { ports, jobId } = await waiting();
      await meanwhile(ports, jobId);
      const before = ports.store.keys();

      const { exit, opened, log } = await started(ports, jobId);

      expect({ exit, opened }).toEqual({ exit: WORKER_EXIT.done, opened: 0 });
      expect(ports.store.keys()).toEqual(before);
      expect(log).toContainEqual(expect.objectContaining({ event: 'worker:end' }));
    },
  );

  it.each([
    ['goes on', () => undefined],
    [
      'has a document that cannot be read',
      (ports, jobId) => void ports.store.put(jobDocumentKey(jobId), '{'),
    ],
    [
      'has none, as on a machine without a service',
      (ports, jobId) => void ports.store.remove(jobDocumentKey(jobId)),
    ],
  ] satisfies [string, (ports: ServiceFakes, jobId: JobId) => void][])(
    'works when its job %s',
    async (_, meanwhile) => {
      const { ports, jobId } = await waiting();
      meanwhile(ports, jobId);

      expect(await started(ports, jobId)).toMatchObject({ exit: WORKER_EXIT.done, opened: 1 });
    },
  );
});
