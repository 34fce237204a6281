import type { HpbError } from '../errors.ts';
import { asHpbError } from '../errors.ts';
import { applyJobEvent, type JobDocument, type JobEvent } from '../job.ts';
import type { JobId } from '../layout.ts';
import type { MetricSample } from '../metrics.ts';
import type { ServicePorts } from './service-ports.ts';

type FinishPorts = Pick<ServicePorts, 'index' | 'clock' | 'log' | 'metrics' | 'onFinished'>;

/** Applies an event to a job. `applied`: whether it changed anything. Throws `JOB_NOT_FOUND`. */
export async function recordEvent(
  { index, clock }: Pick<ServicePorts, 'index' | 'clock'>,
  jobId: JobId,
  event: JobEvent,
): Promise<{ readonly job: JobDocument; readonly applied: boolean }> {
  let applied = false;
  const job = await index.update(jobId, (latest) => {
    const next = applyJobEvent(latest, event, clock.now());
    applied = next !== null;
    return next;
  });
  return { job, applied };
}

/** An event that ends a job. */
type FinalEvent = Extract<JobEvent, { readonly event: 'finish' | 'fail' | 'cancel' }>;

/** Ends a job; whoever ended it first also counts it and tells `onFinished`. Returns the job as it then stands. */
export async function endJob(ports: FinishPorts, jobId: JobId, event: FinalEvent): Promise<JobDocument> {
  const { job, applied } = await recordEvent(ports, jobId, event);
  if (applied) await announce(ports, job);
  return job;
}

/** Ends a job as failed. */
export function failJobWith(
  ports: FinishPorts,
  { jobId, attempt }: Pick<JobDocument, 'jobId' | 'attempt'>,
  error: HpbError,
): Promise<JobDocument> {
  return endJob(ports, jobId, { event: 'fail', attempt, error: error.toDocument() });
}

async function announce(ports: FinishPorts, job: JobDocument): Promise<void> {
  const { state, jobId, attempt, counts, error } = job;
  ports.log.info('job:finished', {
    jobId,
    attempt,
    state,
    succeeded: counts?.succeeded,
    failed: counts?.failed,
    code: error?.code,
  });
  await ports.metrics.put(samplesOf(job));
  try {
    await ports.onFinished?.(job);
  } catch (thrown) {
    ports.log.error('notify:failed', { jobId, code: asHpbError(thrown).code });
  }
}

function samplesOf(job: JobDocument): readonly MetricSample[] {
  const started = job.attempts.at(-1)!.startedAt;
  const { counts, state, error } = job;
  return [
    {
      name: 'JobsFinished',
      value: 1,
      dimensions: { Outcome: state, ...(error === null ? {} : { Code: error.code }) },
    },
    {
      name: 'JobSeconds',
      value: ((job.endedAt ?? started) - started) / 1000,
      dimensions: { Outcome: state },
    },
    ...(counts === null
      ? []
      : [
          { name: 'CasesSucceeded' as const, value: counts.succeeded },
          { name: 'CasesFailed' as const, value: counts.failed },
        ]),
  ];
}
