import { WORKER_EXIT } from './errors.ts';

/** One entry of AWS Batch's evaluateOnExit: patterns that may end in `*`, and what to do when all of them match. */
export interface WorkerRetryRule {
  readonly onStatusReason?: string;
  readonly onReason?: string;
  readonly onExitCode?: string;
  readonly action: 'RETRY' | 'EXIT';
}

/** Attempts of a worker, the first included. */
export const WORKER_MAX_ATTEMPTS = 3;

/** Which ends of a worker are worth another attempt: the first rule that matches decides; without one, Batch retries. */
export const WORKER_RETRY_RULES: readonly WorkerRetryRule[] = [
  { onStatusReason: 'Host EC2*', action: 'RETRY' },
  { onReason: 'CannotPull*', action: 'RETRY' },
  { onExitCode: String(WORKER_EXIT.interrupted), action: 'RETRY' },
  { onExitCode: String(WORKER_EXIT.deviceFault), action: 'RETRY' },
  { onReason: '*', action: 'EXIT' },
];

/** How an attempt of a worker ended. */
export interface WorkerEnd {
  readonly exitCode: number | null;
  /** Of the container. */
  readonly reason?: string;
  /** Of the attempt. */
  readonly statusReason?: string;
}

/** Whether a worker that ended so is started again, attempts left. */
export function isWorkerRetried(end: WorkerEnd): boolean {
  const rule = WORKER_RETRY_RULES.find(
    ({ onStatusReason, onReason, onExitCode }) =>
      matches(onStatusReason, end.statusReason ?? '') &&
      matches(onReason, end.reason ?? '') &&
      matches(onExitCode, String(end.exitCode ?? '')),
  );
  return rule === undefined || rule.action === 'RETRY';
}

function matches(pattern: string | undefined, text: string): boolean {
  if (pattern === undefined) return true;
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}
