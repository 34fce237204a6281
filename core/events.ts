/** The closed list of log events, by who writes them; saved queries and alarms are built from it. */
export const LOG_EVENTS = [
  'worker:start',
  'worker:drain',
  'worker:end',
  'worker:scratch-removed',
  'case:start',
  'case:stage',
  'case:warning',
  'case:skipped',
  'case:succeeded',
  'case:failed',
  'engine:start',
  'engine:ready',
  'engine:output',
  'engine:exit',
  'engine:kill',
  'weights:demo',
  'setup:step',
  'http:answered',
  'http:failed',
] as const;

/** Name of a log event. */
export type LogEvent = (typeof LOG_EVENTS)[number];
