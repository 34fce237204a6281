import { parseArgs, type ParseArgsConfig } from 'node:util';
import { HpbError } from '../core/errors.ts';
import { isJobId, type JobId } from '../core/layout.ts';

/** What a worker does. */
export type WorkerTask =
  /** Runs the cases of a shard whose document is at a key of the store, or in a local file. */
  | { readonly kind: 'shard'; readonly place: { readonly key: string } | { readonly file: string } }
  /** `take` unpacks the upload of a job, `publish` puts its results together. */
  | { readonly kind: 'take' | 'publish'; readonly jobId: JobId; readonly attempt: number };

/** How the worker process is started. */
export interface WorkerArguments {
  /** Null: what to do comes on stdin, task after task. */
  readonly task: WorkerTask | null;
  /** How long the running case may go on after SIGTERM, s; null: as is right for where it runs. */
  readonly drainSeconds: number | null;
}

const TASK_OPTIONS = {
  'shard-key': { type: 'string' },
  'shard-file': { type: 'string' },
  take: { type: 'string' },
  publish: { type: 'string' },
  attempt: { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

/** @throws HpbError SHARD_UNREADABLE */
export function parseArguments(argv: readonly string[]): WorkerArguments {
  const values = parsed(argv, {
    ...TASK_OPTIONS,
    serve: { type: 'boolean' },
    'drain-seconds': { type: 'string' },
  });
  const { serve, 'drain-seconds': drain, ...task } = values;
  const drainSeconds = drain === undefined ? null : Number(drain);
  if (drainSeconds !== null && !(drainSeconds >= 0)) throw unreadable(`--drain-seconds is ${String(drain)}`);
  if (serve !== true) return { task: taskOf(task), drainSeconds };
  if (Object.keys(task).length > 0) throw unreadable('--serve takes its tasks on stdin');
  return { task: null, drainSeconds };
}

/**
 * The task that arguments name.
 *
 * @throws HpbError SHARD_UNREADABLE
 */
export function parseTask(argv: readonly string[]): WorkerTask {
  return taskOf(parsed(argv, TASK_OPTIONS));
}

/** What a worker was started with and cannot use. */
export function unreadable(reason: string, cause?: unknown): HpbError {
  return new HpbError('SHARD_UNREADABLE', `The worker cannot use what it was started with: ${reason}.`, {
    remedy: 'The shard document was written by another version, or not at all: start the job again.',
    cause,
  });
}

type Values = Readonly<Record<string, unknown>>;

function parsed(argv: readonly string[], options: NonNullable<ParseArgsConfig['options']>): Values {
  try {
    return { ...parseArgs({ args: [...argv], options }).values };
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error));
  }
}

function taskOf(values: Values): WorkerTask {
  const { attempt, ...named } = values;
  const [name, ...others] = Object.keys(named);
  const value = named[name ?? ''];
  if (others.length > 0 || typeof value !== 'string')
    throw unreadable('it takes one of --shard-key, --shard-file, --take, --publish');
  if (name === 'shard-key') return { kind: 'shard', place: { key: value } };
  if (name === 'shard-file') return { kind: 'shard', place: { file: value } };
  if (!isJobId(value)) throw unreadable(`--${name} names no job`);
  if (!/^[1-9]\d{0,8}$/.test(String(attempt))) throw unreadable('--attempt is to count from 1');
  return { kind: name === 'take' ? 'take' : 'publish', jobId: value, attempt: Number(attempt) };
}
