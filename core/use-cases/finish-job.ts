import type { HpbError } from '../errors.ts';
import { asHpbError } from '../errors.ts';
import { applyJobEvent, isFinal, type CaseCounts, type JobDocument, type JobEvent } from '../job.ts';
import { announcedKey, type JobId } from '../layout.ts';
import type { MetricSample } from '../metrics.ts';
import { countedAnew, withCounts } from './case-standing.ts';
import type { ServicePorts } from './service-ports.ts';
import { cancelled } from './workflow-errors.ts';

type FinishPorts = Pick<ServicePorts, 'store' | 'index' | 'clock' | 'log' | 'metrics' | 'onFinished'>;

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

/** Ends what still works on a job that has ended. */
export type StopWork = (ended: JobDocument) => Promise<void>;

/**
 * Ends a job; whoever ended it first also counts it, after `stopWork`: what is finished until then counts. Its end is
 * announced unless it was before: also by one that comes later, since the first may have had no way to, or have died.
 * Returns the job as it then stands.
 */
export async function endJob(
  ports: FinishPorts,
  jobId: JobId,
  event: FinalEvent,
  stopWork?: StopWork,
): Promise<JobDocument> {
  const { job: ended, applied } = await recordEvent(ports, jobId, event);
  let job = ended;
  try {
    await stopWork?.(ended);
  } finally {
    if (applied) {
      job = await keepCounts(ports, ended, withCounts);
      await count(ports, job);
    }
    if (isFinal(job.state) && job.attempt === event.attempt) await announceOnce(ports, job);
  }
  return job;
}

/** Writes how the cases ended into the job, so that no list of jobs has to read them; the job ends without that too. */
async function keepCounts(
  { store, index, log }: Pick<FinishPorts, 'store' | 'index' | 'log'>,
  job: JobDocument,
  count: typeof withCounts,
): Promise<JobDocument> {
  try {
    const { counts } = await count({ store }, job);
    if (counts === null || isSameCount(counts, job.counts)) return job;
    return await index.update(job.jobId, (latest) =>
      latest.attempt === job.attempt && isFinal(latest.state) ? { ...latest, counts } : null,
    );
  } catch (thrown) {
    log.error('job:uncounted', { jobId: job.jobId, code: asHpbError(thrown).code });
    return job;
  }
}

const isSameCount = (one: CaseCounts, other: CaseCounts | null): boolean =>
  one.total === other?.total && one.succeeded === other.succeeded && one.failed === other.failed;

/** Counts the cases of a job again that was counted before its workers had ended: what they finished since is there too. */
export function recount(
  ports: Pick<FinishPorts, 'store' | 'index' | 'log'>,
  job: JobDocument,
): Promise<JobDocument> {
  return keepCounts(ports, job, countedAnew);
}

/** Tells `onFinished` of a final job, once an attempt: who sets the mark tells, and takes it back when that fails. */
export async function announceOnce(
  { store, log, metrics, onFinished }: Pick<ServicePorts, 'store' | 'log' | 'metrics' | 'onFinished'>,
  job: JobDocument,
): Promise<void> {
  if (onFinished === undefined) return;
  const mark = announcedKey(job.jobId, job.attempt);
  const failed = async (thrown: unknown): Promise<void> => {
    const { code } = asHpbError(thrown);
    if (code === 'OBJECT_EXISTS') return;
    log.error('notify:failed', { jobId: job.jobId, code });
    await metrics.put([{ name: 'AnnouncementsFailed', value: 1 }]);
  };
  try {
    await store.put(mark, '', { ifAbsent: true });
  } catch (thrown) {
    return failed(thrown);
  }
  try {
    await onFinished(await withCounts({ store }, job));
  } catch (thrown) {
    await failed(thrown);
    await store.remove(mark).catch(failed);
  }
}

/** Ends a job as failed. */
export function failJobWith(
  ports: FinishPorts,
  { jobId, attempt }: Pick<JobDocument, 'jobId' | 'attempt'>,
  error: HpbError,
  stopWork?: StopWork,
): Promise<JobDocument> {
  return endJob(ports, jobId, { event: 'fail', attempt, error: error.toDocument() }, stopWork);
}

/** Ends an attempt as cancelled. */
export function cancelAttempt(
  ports: FinishPorts,
  { jobId, attempt }: Pick<JobDocument, 'jobId' | 'attempt'>,
  stopWork?: StopWork,
): Promise<JobDocument> {
  return endJob(ports, jobId, { event: 'cancel', attempt, error: cancelled().toDocument() }, stopWork);
}

async function count(ports: FinishPorts, job: JobDocument): Promise<void> {
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
