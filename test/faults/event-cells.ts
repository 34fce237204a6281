import '../lambdas/deployed-environment.ts';
import { StatesError } from '../../adapters/states-error.ts';
import { executionName } from '../../core/layout.ts';
import { cancelAttempt } from '../../core/use-cases/finish-job.ts';
import { retryJob } from '../../core/use-cases/retry-job.ts';
import { create as executionEndedFunction } from '../../lambdas/fail-job.ts';
import { create as prepareFunction } from '../../lambdas/prepare-job.ts';
import { create as publishFunction } from '../../lambdas/publish-results.ts';
import { create as sweepFunction } from '../../lambdas/sweep.ts';
import { executionEnded } from '../lambdas/aws-events.ts';
import { gaps, type Cell, type Gap } from './cell.ts';
import { ATTEMPT, cellOf, idsOf, lostFunctions, unmovedBy, type EventCell } from './event-cell.ts';
import { STATUS, UPLOADS } from './message-cells.ts';
import { failed, WELL } from './process-cells.ts';
import { assertRight, endOf, LINKS, submitted } from './store-cells.ts';

const PREPARATIONS: readonly EventCell[] = [
  {
    row: 'event-duplicate',
    column: 'prepare',
    how: 'PrepareJob is called twice at once, and once more',
    expected: WELL,
    faults: () => ({
      functions: ({ PrepareJob }) => ({
        PrepareJob: async (payload, signal) => {
          await Promise.all([PrepareJob(payload, signal), PrepareJob(payload, signal)]);
          return PrepareJob(payload, signal);
        },
      }),
    }),
  },
  {
    row: 'event-late',
    column: 'prepare',
    how: 'PrepareJob is called when the job has ended',
    expected: WELL,
    play: unmovedBy(async (flow, jobId) => {
      const late = prepareFunction(flow.ports)({ phase: 'prepare', jobId, ...ATTEMPT });
      const code = await late.then(
        () => null,
        (thrown: Error) => thrown.name,
      );
      if (code !== 'JOB_FINISHED') throw new Error(`a late PrepareJob gives ${code}`);
    }),
  },
  {
    row: 'event-lost',
    column: 'prepare',
    how: 'the start of the execution is lost: the sweep starts it',
    expected: WELL,
    faults: () => {
      let starts = 0;
      return { start: async (go) => (++starts === 1 ? undefined : go()) };
    },
    play: async (flow) => {
      const jobId = await submitted(flow);
      const swept = (await sweepFunction(flow.ports, null)({})) as { readonly started: number };
      if (swept.started !== 1) throw new Error('the sweep starts no execution');
      return endOf(flow, jobId);
    },
  },
  {
    row: 'event-reordered',
    column: 'prepare',
    how: 'PublishResults is called before PrepareJob',
    expected: WELL,
    faults: () => ({
      functions: ({ PrepareJob, PublishResults }) => ({
        PrepareJob: async (payload, signal) => {
          const early = { ...(payload as object), phase: 'publish' };
          await PublishResults(early, signal).catch(() => undefined);
          return PrepareJob(payload, signal);
        },
      }),
    }),
  },
];

let lateWorker: (() => Promise<number>) | undefined;

function remembered(run: () => Promise<number>): Promise<number> {
  lateWorker = run;
  return run();
}

const FETCHES: readonly EventCell[] = [
  {
    row: 'event-duplicate',
    column: 'fetch',
    how: 'the worker of a shard is started twice at once',
    expected: WELL,
    works: true,
    faults: () => ({ worker: async (run) => Math.max(...(await Promise.all([run(), run()]))) }),
  },
  {
    row: 'event-late',
    column: 'fetch',
    how: 'the worker of a shard starts once more when the job has ended',
    expected: WELL,
    works: true,
    faults: () => ({ worker: remembered }),
    play: unmovedBy(async () => lateWorker?.()),
  },
  {
    row: 'event-lost',
    column: 'fetch',
    how: 'the worker never starts: the time of its shard runs out (`States.Timeout`, played)',
    expected: failed('JOB_TIMEOUT'),
    faults: () => {
      let waits = 0;
      return {
        worker: async (run) => {
          if (++waits === 1) throw new StatesError('States.Timeout', 'The shard did not end in time.');
          return run();
        },
      };
    },
  },
  {
    row: 'event-reordered',
    column: 'fetch',
    how: 'a worker of the first attempt ends after one of the second has',
    expected: failed('UNCLEAN_EXIT'),
    works: true,
    faults: () => {
      let first: (() => Promise<number>) | null = null;
      return {
        worker: async (run) => {
          if (first === null) {
            first = run;
            return 137;
          }
          const exitCode = await run();
          await first();
          return exitCode;
        },
      };
    },
  },
];

const PUBLICATIONS: readonly EventCell[] = [
  {
    row: 'event-duplicate',
    column: 'publish',
    how: 'PublishResults is called twice at once, and once more',
    expected: WELL,
    faults: () => ({
      functions: ({ PublishResults }) => ({
        PublishResults: async (payload, signal) => {
          await Promise.all([PublishResults(payload, signal), PublishResults(payload, signal)]);
          return PublishResults(payload, signal);
        },
      }),
    }),
  },
  {
    row: 'event-late',
    column: 'publish',
    how: 'PublishResults is called when the job was cancelled',
    expected: { state: 'CANCELLED', code: 'CANCELLED', kept: 'upload' },
    play: async (flow) => {
      const jobId = await submitted(flow);
      await cancelAttempt(flow.ports, { jobId, ...ATTEMPT });
      await flow.ended(jobId);
      const answer = await publishFunction(flow.ports)({ phase: 'publish', jobId, ...ATTEMPT });
      if ((answer as { readonly outcome: string }).outcome !== 'CANCELLED')
        throw new Error('it was published');
      const { state, error } = await flow.ended(jobId);
      await retryJob(flow.ports, jobId, LINKS);
      await assertRight(flow, await flow.ended(jobId, 2));
      return { state: state as 'CANCELLED', code: error?.code ?? null, kept: 'upload' };
    },
  },
  {
    row: 'event-lost',
    column: 'publish',
    how: 'neither PublishResults nor FailJob arrives: the event of the ended execution ends the job',
    expected: failed('WORKFLOW_FAILED'),
    faults: lostFunctions,
    play: async (flow) => {
      const jobId = await submitted(flow);
      await flow.executionEnded(jobId);
      const event = executionEnded(executionName(jobId, 1), 'FAILED', {
        error: 'WORKFLOW_FAILED',
        cause: 'Lost.',
      });
      await executionEndedFunction(flow.ports)(event);
      return endOf(flow, jobId);
    },
  },
  {
    row: 'event-reordered',
    column: 'publish',
    how: 'the execution is said to have failed before PublishResults is called',
    expected: failed('WORKFLOW_FAILED'),
    faults: () => {
      let calls = 0;
      return {
        functions: ({ PublishResults, FailJob }) => ({
          PublishResults: async (payload, signal) => {
            const failure = { Error: 'WORKFLOW_FAILED', Cause: 'Early.' };
            if (++calls === 1) await FailJob({ ...idsOf(payload), failure }, signal);
            return PublishResults(payload, signal);
          },
        }),
      };
    },
  },
];

export const EVENT_CELLS: readonly Cell[] = [
  ...UPLOADS,
  ...PREPARATIONS,
  ...FETCHES,
  ...PUBLICATIONS,
  ...STATUS,
].map(cellOf);

const INSIDE = 'stages of one worker follow each other in its own process: no event is waited for';
export const EVENT_GAPS: readonly Gap[] = (
  ['event-duplicate', 'event-late', 'event-lost', 'event-reordered'] as const
).flatMap((row) => gaps(row, ['segment', 'measure'], INSIDE));
