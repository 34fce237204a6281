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
