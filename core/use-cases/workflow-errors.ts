import { HpbError, isErrorCode, WORKER_EXIT, type ErrorCode } from '../errors.ts';
import type { z } from 'zod';
import type { caughtFailure } from '../workflow.ts';

type CaughtFailure = z.infer<typeof caughtFailure>;

const MAX_MESSAGE = 500;

/**
 * What a Catch of the workflow has caught, as an error of ours: one that a function threw keeps code and sentence,
 * `States.Timeout` becomes `JOB_TIMEOUT`, anything else `WORKFLOW_FAILED`.
 */
export function workflowError({ Error: name, Cause: cause }: CaughtFailure): HpbError {
  if (isErrorCode(name)) return ofCode(name, lambdaMessage(cause));
  if (name === 'States.Timeout') return timedOut();
  return new HpbError('WORKFLOW_FAILED', `The workflow failed with ${name.slice(0, 80)}.`, {
    remedy:
      'Retry the job. If it fails again, look at its execution in the Step Functions console, or the log.',
    details: { error: name.slice(0, 80) },
  });
}

/** The error of an execution that ran out of time. */
export function timedOut(): HpbError {
  return new HpbError('JOB_TIMEOUT', 'The job did not end by its deadline.', {
    remedy: 'Retry the job: finished cases are kept. If it happens again, send fewer cases at once.',
  });
}

/** The error of a job whose caller, or whose operator, ended it. */
export function cancelled(): HpbError {
  return new HpbError('CANCELLED', 'The job was cancelled.', {
    remedy: 'Retry the job to run what was not finished.',
  });
}

/** Why a worker ended without a word of its own, told from what Batch, or the laptop in its words, says of the job. */
export function shardError({ Error: name, Cause: cause }: CaughtFailure): HpbError {
  if (name === 'States.Timeout') return timedOut();
  if (isErrorCode(name)) return ofCode(name, lambdaMessage(cause));
  const { exitCode, statusReason, containerReason } = batchJob(cause);
  const details = { error: name.slice(0, 80), exitCode };
  if (/OutOfMemory|out of memory/i.test(containerReason)) {
    return new HpbError('OUT_OF_MEMORY', 'The worker ran out of memory and was ended.', {
      remedy: 'Retry the case on a machine with more memory.',
      details,
    });
  }
  if (/attempt duration exceeded timeout/i.test(statusReason)) return timedOut();
  if (exitCode === WORKER_EXIT.deviceFault) {
    return new HpbError(
      'DEVICE_FAULT',
      'The GPU of the worker failed, on the last machine that was tried too.',
      {
        remedy: 'Retry the job. If it happens again, look at the log of the worker and at its machine.',
        details,
      },
    );
  }
  if (exitCode === WORKER_EXIT.interrupted) {
    return new HpbError('INTERRUPTED', 'The machine of the worker was taken away, each time it was tried.', {
      remedy: 'Retry the job: finished cases are kept.',
      details,
    });
  }
  if (exitCode !== null && (exitCode === 0 || exitCode >= FIRST_SIGNAL_EXIT)) {
    return new HpbError('UNCLEAN_EXIT', `The worker ended with exit code ${exitCode} and without a result.`, {
      remedy: 'Retry the job. If it happens again, look at the log of the worker.',
      details,
    });
  }
  const how = exitCode === null ? 'did not run to its end' : `ended with exit code ${exitCode}`;
  return new HpbError('SHARD_FAILED', `The worker ${how}.`, {
    remedy: 'Retry the job. If it happens again, look at the log of the worker.',
    details,
  });
}

/** Exit codes from here on say which signal ended a process. */
const FIRST_SIGNAL_EXIT = 128;

/** The message inside the JSON that Lambda makes of a thrown error. */
function lambdaMessage(cause: string | undefined): string {
  const text = asObject(cause)?.['errorMessage'];
  return (typeof text === 'string' ? text : (cause ?? '')).slice(0, MAX_MESSAGE);
}

interface EndedBatchJob {
  readonly exitCode: number | null;
  readonly statusReason: string;
  readonly containerReason: string;
}

function batchJob(cause: string | undefined): EndedBatchJob {
  const job = asObject(cause);
  const container = job?.['Container'] as Readonly<Record<string, unknown>> | undefined;
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const exitCode = container?.['ExitCode'];
  return {
    exitCode: typeof exitCode === 'number' ? exitCode : null,
    statusReason: text(job?.['StatusReason']),
    containerReason: text(container?.['Reason']),
  };
}

function asObject(text: string | undefined): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function ofCode(code: ErrorCode, message: string): HpbError {
  return new HpbError(code, message === '' ? `The workflow failed with ${code}.` : message, {
    remedy: 'Retry the job, once what the message names is put right.',
  });
}
