import type { ErrorCode } from '../errors.ts';
import type { MetricName } from '../metrics.ts';

/** Functions of every deployment, as their files in lambdas/ are called. */
export type StandingFunction =
  'api' | 'prepare-job' | 'record-shard-failure' | 'publish-results' | 'fail-job' | 'ingest' | 'sweep';

/** Functions of a deployment; the canary is there when it is configured. */
export type FunctionName = StandingFunction | 'canary';

/** Rules of EventBridge whose matches are counted. */
export type WatchedRule = 'queue-blocked' | 'spot-interruption' | 'device-fault';

/** What an alarm looks at. */
export type AlarmSource =
  | {
      readonly of: 'workflow';
      readonly metric: 'ExecutionsTimedOut' | 'ExecutionsFailed' | 'ExecutionThrottled';
    }
  | { readonly of: 'api'; readonly metric: '5XXError' | 'Latency' }
  | { readonly of: 'function'; readonly name: StandingFunction; readonly metric: 'Errors' | 'Invocations' }
  | {
      readonly of: 'queue';
      readonly name: 'ingest' | 'ingest-dead-letters' | 'events-dead-letters';
      readonly metric: 'ApproximateNumberOfMessagesVisible' | 'ApproximateAgeOfOldestMessage';
    }
  | { readonly of: 'rule'; readonly name: WatchedRule }
  /** The most that one machine has of something: no dimension names the machine, so that no figure is kept for each. */
  | { readonly of: 'machine'; readonly name: 'faulty-machines' }
  | {
      readonly of: 'own';
      readonly metric: MetricName;
      readonly dimensions?: { readonly Code: ErrorCode };
    };

/** An alarm of a deployment; its section in docs/runbook.md is headed by its id. */
export interface AlarmSpec {
  /** Part of its name: `hpb-<stage>-<id>`. */
  readonly id: string;
  /** `page`: somebody has to act now; `ticket`: within a working day. */
  readonly severity: 'page' | 'ticket';
  /** What has happened, in a sentence. */
  readonly what: string;
  readonly source: AlarmSource;
  readonly statistic: 'Sum' | 'Maximum' | 'p95';
  /** Fires at or above it; below it for `isTooFew`. */
  readonly threshold: number;
  readonly periodMinutes: number;
  /** Periods in a row. Default: 1. */
  readonly periods?: number;
  /** Only in deployments that have this. */
  readonly onlyWith?: 'canary';
  /** Fires below the threshold, and when there is no figure at all. */
  readonly isTooFew?: boolean;
}

const HOUR = 60;

const ofCode = (Code: ErrorCode): AlarmSource => ({
  of: 'own',
  metric: 'CaseErrors',
  dimensions: { Code },
});
const once = (source: AlarmSource): Pick<AlarmSpec, 'source' | 'statistic' | 'threshold'> => ({
  source,
  statistic: 'Sum',
  threshold: 1,
});
const failing = (name: StandingFunction): ReturnType<typeof once> =>
  once({ of: 'function', name, metric: 'Errors' });

/** Every alarm that a deployment can have. */
export const ALARMS: readonly AlarmSpec[] = [
  {
    id: 'workflow-timed-out',
    severity: 'page',
    what: 'An execution of the workflow ran into its week-long limit; its job should have ended long before.',
    ...once({ of: 'workflow', metric: 'ExecutionsTimedOut' }),
    periodMinutes: 5,
  },
  {
    id: 'workflow-failures',
    severity: 'ticket',
    what: 'Five jobs or more have failed as a whole within an hour.',
    source: { of: 'workflow', metric: 'ExecutionsFailed' },
    statistic: 'Sum',
    threshold: 5,
    periodMinutes: HOUR,
  },
  {
    id: 'workflow-throttled',
    severity: 'ticket',
    what: 'Step Functions held executions back.',
    ...once({ of: 'workflow', metric: 'ExecutionThrottled' }),
    periodMinutes: 5,
    periods: 3,
  },
  {
    id: 'job-end-not-recorded',
    severity: 'page',
    what: 'The function that records why a job failed has failed itself.',
    ...failing('fail-job'),
    periodMinutes: 5,
  },
  {
    id: 'publish-errors',
    severity: 'page',
    what: 'The function that publishes results has failed.',
    ...failing('publish-results'),
    periodMinutes: 5,
  },
  {
    id: 'shard-failure-not-recorded',
    severity: 'ticket',
    what: 'The function that keeps why a shard failed has failed itself.',
    ...failing('record-shard-failure'),
    periodMinutes: 15,
  },
  {
    id: 'prepare-errors',
    severity: 'ticket',
    what: 'The function that takes uploads apart fails often; a bad upload counts as well.',
    source: { of: 'function', name: 'prepare-job', metric: 'Errors' },
    statistic: 'Sum',
    threshold: 10,
    periodMinutes: HOUR,
  },
  {
    id: 'api-errors',
    severity: 'page',
    what: 'The API answers with 5xx.',
    source: { of: 'api', metric: '5XXError' },
    statistic: 'Sum',
    threshold: 5,
    periodMinutes: 5,
  },
  {
    id: 'api-slow',
    severity: 'ticket',
    what: 'One call of the API in twenty takes longer than five seconds.',
    source: { of: 'api', metric: 'Latency' },
    statistic: 'p95',
    threshold: 5_000,
    periodMinutes: 5,
    periods: 3,
  },
  {
    id: 'ingest-dead-letters',
    severity: 'page',
    what: 'Objects that were dropped into the ingest bucket could not be made jobs of.',
    source: { of: 'queue', name: 'ingest-dead-letters', metric: 'ApproximateNumberOfMessagesVisible' },
    statistic: 'Maximum',
    threshold: 1,
    periodMinutes: 5,
  },
  {
    id: 'ingest-backlog',
    severity: 'ticket',
    what: 'A dropped object has waited for more than an hour to become a job.',
    source: { of: 'queue', name: 'ingest', metric: 'ApproximateAgeOfOldestMessage' },
    statistic: 'Maximum',
    threshold: 3_600,
    periodMinutes: 15,
  },
  {
    id: 'ingest-errors',
    severity: 'ticket',
    what: 'The function that makes jobs of dropped objects has crashed or run out of time.',
    ...failing('ingest'),
    periodMinutes: 15,
  },
  {
    id: 'drops-unclaimed',
    severity: 'ticket',
    what: 'Objects have lain in the ingest bucket for more than an hour.',
    source: { of: 'own', metric: 'UnclaimedDrops' },
    statistic: 'Maximum',
    threshold: 1,
    periodMinutes: HOUR,
    periods: 2,
  },
  {
    id: 'uploads-unclaimed',
    severity: 'ticket',
    what: 'Many uploads are older than a day and belong to no job.',
    source: { of: 'own', metric: 'UnclaimedUploads' },
    statistic: 'Maximum',
    threshold: 50,
    periodMinutes: HOUR,
    periods: 2,
  },
  {
    id: 'sweeper-silent',
    severity: 'ticket',
    what: 'The hourly sweeper has not run for three hours.',
    source: { of: 'function', name: 'sweep', metric: 'Invocations' },
    statistic: 'Sum',
    threshold: 1,
    periodMinutes: HOUR,
    periods: 3,
    isTooFew: true,
  },
  {
    id: 'sweeper-errors',
    severity: 'ticket',
    what: 'The hourly sweeper has failed twice in a row.',
    ...failing('sweep'),
    periodMinutes: HOUR,
    periods: 2,
  },
  {
    id: 'queue-blocked',
    severity: 'page',
    what: 'The job at the head of a Batch queue cannot be placed.',
    ...once({ of: 'rule', name: 'queue-blocked' }),
    periodMinutes: 5,
  },
  {
    id: 'queue-wait',
    severity: 'ticket',
    what: 'A job has waited for more than half an hour for its first machine.',
    source: { of: 'own', metric: 'QueueSeconds' },
    statistic: 'Maximum',
    threshold: 1_800,
    periodMinutes: 15,
  },
  {
    id: 'spot-interruptions',
    severity: 'ticket',
    what: 'Five spot machines or more were taken away within an hour.',
    source: { of: 'rule', name: 'spot-interruption' },
    statistic: 'Sum',
    threshold: 5,
    periodMinutes: HOUR,
  },
  {
    id: 'device-faults',
    severity: 'page',
    what: 'Workers have left six times because their GPU was faulty.',
    source: { of: 'rule', name: 'device-fault' },
    statistic: 'Sum',
    threshold: 6,
    periodMinutes: 6 * HOUR,
  },
  {
    id: 'machine-faulty',
    severity: 'page',
    what: 'Workers have left one machine three times because its GPU was faulty.',
    source: { of: 'machine', name: 'faulty-machines' },
    statistic: 'Maximum',
    threshold: 3,
    periodMinutes: 6 * HOUR,
  },
  {
    id: 'cases-out-of-memory',
    severity: 'ticket',
    what: 'Three cases or more have run out of memory within an hour.',
    source: ofCode('OUT_OF_MEMORY'),
    statistic: 'Sum',
    threshold: 3,
    periodMinutes: HOUR,
  },
  {
    id: 'weights-corrupt',
    severity: 'page',
    what: 'Weights in the models bucket are not what their manifest says.',
    ...once(ofCode('WEIGHTS_CORRUPT')),
    periodMinutes: 5,
  },
  {
    id: 'weights-missing',
    severity: 'page',
    what: 'Workers lack weights that the deployment was said to have.',
    ...once(ofCode('WEIGHTS_MISSING')),
    periodMinutes: 5,
  },
  {
    id: 'announcements-failed',
    severity: 'ticket',
    what: 'The end of a job could not be announced.',
    ...once({ of: 'own', metric: 'AnnouncementsFailed' }),
    periodMinutes: 15,
  },
  {
    id: 'events-dead-letters',
    severity: 'page',
    what: 'The ends of executions could not be handed to the function that settles them.',
    source: { of: 'queue', name: 'events-dead-letters', metric: 'ApproximateNumberOfMessagesVisible' },
    statistic: 'Maximum',
    threshold: 1,
    periodMinutes: 5,
  },
  {
    id: 'canary-failed',
    severity: 'page',
    what: 'The synthetic CT did not come through the deployment as it should.',
    source: { of: 'own', metric: 'CanaryFailed' },
    statistic: 'Maximum',
    threshold: 1,
    periodMinutes: HOUR,
    onlyWith: 'canary',
  },
];

/** The alarms of a deployment with or without a canary. */
export const alarmsOf = ({ hasCanary }: { readonly hasCanary: boolean }): readonly AlarmSpec[] =>
  ALARMS.filter(({ onlyWith }) => onlyWith === undefined || hasCanary);
