import { expect, it } from 'vitest';
import { caseIdOf, caseProgressKey } from '../../../core/layout.ts';
import { cancelJob } from '../../../core/use-cases/cancel-job.ts';
import { prepareJob } from '../../../core/use-cases/prepare-job.ts';
import { readJob } from '../../../core/use-cases/read-job.ts';
import { stopCancelled } from '../../../core/use-cases/stop-cancelled.ts';
import { serviceFakes } from '../../fakes/service-fakes.ts';
import { foundCase, LINKS, reportOf, storeResult, submittedJob } from '../../fakes/stored-job.ts';

it('counts a case that its worker still finished while it ended, after its job was cancelled', async () => {
  const ports = serviceFakes();
  const jobId = await submittedJob(ports);
  ports.intake.finds(reportOf([foundCase(jobId, 1), foundCase(jobId, 2)]));
  await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
  await cancelJob(ports, jobId, LINKS);
  await ports.store.put(caseProgressKey(jobId, caseIdOf(1)), '{}');
  await storeResult(ports, jobId, caseIdOf(1));
  ports.time.now += 3_600_000;

  await stopCancelled(ports);

  const { counts } = await readJob(ports, jobId, LINKS);
  expect(counts).toEqual({ total: 2, succeeded: 1, failed: 1 });
  expect(ports.index.jobs.get(jobId)!.counts).toEqual(counts);
});
