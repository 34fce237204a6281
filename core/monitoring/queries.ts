import type { LogEvent } from '../events.ts';

/** Log groups that a query reads. */
export type QuerySource = 'functions' | 'workers' | 'batch-events';

/** A query of Logs Insights, saved with a deployment. */
export interface SavedQuery {
  readonly name: string;
  readonly sources: readonly QuerySource[];
  /** Only lines of these events; without it every line. */
  readonly events?: readonly LogEvent[];
  /** The rest of the query, a command a line. */
  readonly commands: readonly string[];
}

const newest = (...fields: readonly string[]): readonly string[] => [
  `fields @timestamp, ${fields.join(', ')}`,
  'sort @timestamp desc',
  'limit 200',
];

/** Queries for those who look for what went wrong; `docs/runbook.md` names them. */
export const SAVED_QUERIES: readonly SavedQuery[] = [
  {
    name: 'Jobs that did not succeed',
    sources: ['functions', 'workers'],
    events: ['job:finished'],
    commands: ['filter state != "SUCCEEDED"', ...newest('jobId', 'attempt', 'state', 'code', 'failed')],
  },
  {
    name: 'Ends of jobs by code',
    sources: ['functions', 'workers'],
    events: ['job:finished'],
    commands: ['stats count(*) as jobs by state, code', 'sort jobs desc'],
  },
  {
    name: 'One job from beginning to end',
    sources: ['functions', 'workers'],
    commands: [
      'filter jobId = "PUT THE ID HERE"',
      'fields @timestamp, event, attempt, state, code, caseId',
      'sort @timestamp asc',
      'limit 1000',
    ],
  },
  {
    name: 'Failures of functions',
    sources: ['functions'],
    events: ['function:failed', 'ingest:failed', 'notify:failed', 'http:failed'],
    commands: newest('event', 'code', 'error', 'at', 'requestId'),
  },
  {
    name: 'Calls of the API by route and status',
    sources: ['functions'],
    events: ['http:answered'],
    commands: ['stats count(*) as calls, pct(ms, 95) as p95 by method, route, status', 'sort calls desc'],
  },
  {
    name: 'What was dropped',
    sources: ['functions'],
    events: ['ingest:accepted', 'ingest:rejected', 'ingest:failed', 'ingest:ignored'],
    commands: newest('event', 'jobId', 'id', 'code', 'bytes', 'messageId', 'why'),
  },
  {
    name: 'Failed cases by code',
    sources: ['workers'],
    events: ['case:failed'],
    commands: ['stats count(*) as cases by code', 'sort cases desc'],
  },
  {
    name: 'Seconds of cases',
    sources: ['workers'],
    events: ['case:succeeded'],
    commands: ['stats count(*) as cases, avg(seconds), pct(seconds, 95), max(seconds) by bin(1h)'],
  },
  {
    name: 'Workers that were drained or lost their engine',
    sources: ['workers'],
    events: ['worker:drain', 'engine:kill', 'engine:exit'],
    commands: newest('event', 'reason', '@logStream'),
  },
  {
    name: 'Sweeps',
    sources: ['functions'],
    events: ['sweep:done'],
    commands: newest(
      'started',
      'ended',
      'stopped',
      'unclaimedUploads',
      'unclaimedDrops',
      'purgedJobs',
      'leftOvers',
    ),
  },
  {
    name: 'Faulty cards, spot machines taken away, blocked queues',
    sources: ['batch-events'],
    commands: [
      'fields @timestamp, `detail-type`, detail.jobName, detail.container.containerInstanceArn, `detail.instance-id`',
      'sort @timestamp desc',
      'limit 200',
    ],
  },
];

/** The text of a saved query. */
export function queryText({ events, commands }: SavedQuery): string {
  const filter =
    events === undefined ? [] : [`filter event in [${events.map((event) => `"${event}"`).join(', ')}]`];
  return [...filter, ...commands].join('\n| ');
}
