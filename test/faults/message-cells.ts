import '../lambdas/deployed-environment.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { executionName, type JobId } from '../../core/layout.ts';
import type { ObjectFacts } from '../../core/ports.ts';
import { create as executionEndedFunction } from '../../lambdas/fail-job.ts';
import { create as ingest } from '../../lambdas/ingest.ts';
import { create as sweepFunction } from '../../lambdas/sweep.ts';
import { executionEnded, objectCreated, queueBatch } from '../lambdas/aws-events.ts';
import type { Row } from './cell.ts';
import { SEED } from './columns.ts';
import { ctOf } from './drill.ts';
import { lostFunctions, unmovedBy, type EventCell } from './event-cell.ts';
import type { Flow } from './flow.ts';
import { failed, WELL } from './process-cells.ts';
import { endOf } from './store-cells.ts';

const ingestFunction = ({ ports }: Pick<Flow, 'ports'>): ReturnType<typeof ingest> =>
  ingest(ports, { comeAgain: () => Promise.resolve() });

/** Drops the CT into the ingest bucket and gives the event of it. */
async function dropped(
  flow: Flow,
  seed = SEED,
): Promise<{ readonly facts: ObjectFacts; readonly event: object }> {
  const facts = await flow.stored.put('ingest/clinic/scan.nii.gz', await ctOf(seed));
  return { facts, event: objectCreated(facts) };
}

/** The one job that there has to be. */
async function onlyJob(flow: Flow): Promise<JobId> {
  const { jobs } = await flow.ports.index.list({ limit: 10 });
  if (jobs.length !== 1) throw new Error(`there are ${jobs.length} jobs and not one`);
  return jobs[0]!.jobId;
}

const ofUpload = (row: Row, how: string, play: NonNullable<EventCell['play']>): EventCell => ({
  row,
  column: 'upload',
  how,
  expected: WELL,
  works: true,
  play,
});

/** Messages of the ingest bucket. */
export const UPLOADS: readonly EventCell[] = [
  ofUpload('event-duplicate', '`Object Created` of the ingest bucket comes three times', async (flow) => {
    const { event } = await dropped(flow);
    const handler = ingestFunction(flow);
    await handler(queueBatch(event, event));
    await handler(queueBatch(event));
    return endOf(flow, await onlyJob(flow));
  }),
  ofUpload('event-late', '`Object Created` comes again when the job has ended', async (flow) => {
    const { event } = await dropped(flow);
    const handler = ingestFunction(flow);
    await handler(queueBatch(event));
    const jobId = await onlyJob(flow);
    await flow.ended(jobId);
    await handler(queueBatch(event));
    return endOf(flow, await onlyJob(flow));
  }),
  ofUpload(
    'event-lost',
    '`Object Created` never comes: the sweep counts the drop, and it is sent again',
    async (flow) => {
      const real = Date.now();
      flow.stored.now = () => real - 2 * 86_400_000;
      const { event } = await dropped(flow);
      flow.stored.now = () => Date.now();
      const swept = (await sweepFunction(flow.ports, null)({})) as { readonly unclaimedDrops: number };
      if (swept.unclaimedDrops !== 1) throw new Error('the sweep does not see the drop');
      await ingestFunction(flow)(queueBatch(event));
      return endOf(flow, await onlyJob(flow));
    },
  ),
  ofUpload(
    'event-reordered',
    'the event of the newer version comes before that of the older one',
    async (flow) => {
      const old = await dropped(flow, SEED + 1);
      const young = await dropped(flow);
      await ingestFunction(flow)(queueBatch(young.event, old.event));
      return endOf(flow, await onlyJob(flow));
    },
  ),
];

const ended =
  (status: string) =>
  async (flow: Flow, jobId: JobId): Promise<unknown> =>
    executionEndedFunction(flow.ports)(
      executionEnded(executionName(jobId, 1), status, { error: 'WORKFLOW_FAILED', cause: 'Said.' }),
    );

/** Messages about executions that have ended. */
export const STATUS: readonly EventCell[] = [
  {
    row: 'event-duplicate',
    column: 'status',
    how: 'the end of the execution is told three times',
    expected: WELL,
    play: unmovedBy(async (flow, jobId) => {
      for (let times = 0; times < 3; times += 1) await ended('SUCCEEDED')(flow, jobId);
    }),
  },
  {
    row: 'event-late',
    column: 'status',
    how: 'the failed end of an execution is told a while after the job has succeeded',
    expected: WELL,
    play: unmovedBy(async (flow, jobId) => {
      await sleep(50);
      await ended('FAILED')(flow, jobId);
    }),
  },
  {
    row: 'event-lost',
    column: 'status',
    how: 'neither the functions nor the event of the ended execution arrive: the sweep ends the job',
    expected: failed('WORKFLOW_FAILED'),
    faults: lostFunctions,
  },
  {
    row: 'event-reordered',
    column: 'status',
    how: 'ABORTED and TIMED_OUT are told after SUCCEEDED',
    expected: WELL,
    play: unmovedBy(async (flow, jobId) => {
      for (const status of ['ABORTED', 'TIMED_OUT', 'RUNNING']) await ended(status)(flow, jobId);
    }),
  },
];
