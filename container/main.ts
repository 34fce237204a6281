import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { jsonLog } from '../adapters/json-log.ts';
import { systemClock } from '../adapters/system.ts';
import { asHpbError, HpbError, WORKER_EXIT } from '../core/errors.ts';
import type { Log, ObjectStore } from '../core/ports.ts';
import { parseSettings } from '../core/settings.ts';
import { shard as shardSchema, type Shard } from '../core/shard.ts';
import { runShard } from './worker.ts';
import { wireWorker } from './wire.ts';

/** How the worker process is started. */
interface WorkerArguments {
  /** Where the shard document is: a key of the store, or a local file. */
  readonly shard: { readonly key: string } | { readonly file: string };
  /** How long the running case may go on after SIGTERM, s. */
  readonly drainSeconds: number;
}

/** Docker gives 30 s from SIGTERM to SIGKILL, Fargate and Batch too unless told otherwise. */
const DRAIN_SECONDS = 20;

/**
 * The worker process: `main.ts (--shard-key KEY | --shard-file FILE) [--drain-seconds N]`. Logs JSON lines on stdout
 * and ends with a code of `WORKER_EXIT`. On SIGTERM or SIGINT no case is begun any more; the running one may finish
 * within the drain time; a second signal ends it at once.
 */
async function main(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const log = (level: 'debug' | 'info' | 'warn' | 'error'): Log =>
    jsonLog({ level, clock: systemClock, write: (line) => process.stdout.write(line) });
  const signals = new WorkerSignals();
  try {
    const { shard: place, drainSeconds } = parseArguments(argv);
    const settings = parseSettings(environment);
    const workerLog = log(settings.HPB_LOG_LEVEL);
    signals.listen(drainSeconds, (signal) => workerLog.warn('worker:drain', { signal, drainSeconds }));
    const packageRoot = fileURLToPath(new URL('..', import.meta.url));
    const worker = await wireWorker({ settings, packageRoot, environment, log: workerLog });
    try {
      const shard = await readShard(place, worker.ports.store);
      const { drain, cancel } = signals;
      return (await runShard(shard, worker.ports, { drain, cancel })).exitCode;
    } finally {
      await worker.close();
    }
  } catch (thrown) {
    const { code, message, remedy } = asHpbError(thrown);
    log('error').error('worker:end', { code, message, remedy });
    return code === 'SHARD_UNREADABLE' ? WORKER_EXIT.shardUnreadable : WORKER_EXIT.unexpected;
  } finally {
    signals.close();
  }
}

/** Turns SIGTERM and SIGINT into `drain`, and into `cancel` when the drain time is over or at a second one. */
class WorkerSignals {
  readonly #drain = new AbortController();
  readonly #cancel = new AbortController();
  readonly drain = this.#drain.signal;
  readonly cancel = this.#cancel.signal;
  #timer: NodeJS.Timeout | undefined;

  listen(drainSeconds: number, onDrain: (signal: NodeJS.Signals) => void): void {
    const interrupted = new HpbError(
      'INTERRUPTED',
      'The worker was told to stop before the case was finished.',
      {
        remedy: 'Start the job again: cases that are finished are not run again.',
      },
    );
    for (const name of ['SIGTERM', 'SIGINT'] as const)
      process.on(name, () => {
        if (this.drain.aborted) {
          this.#cancel.abort(interrupted);
          return;
        }
        onDrain(name);
        this.#drain.abort(interrupted);
        this.#timer = setTimeout(() => this.#cancel.abort(interrupted), drainSeconds * 1000);
      });
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

function parseArguments(argv: readonly string[]): WorkerArguments {
  const options = {
    'shard-key': { type: 'string' },
    'shard-file': { type: 'string' },
    'drain-seconds': { type: 'string', default: String(DRAIN_SECONDS) },
  } as const;
  let values: { 'shard-key'?: string; 'shard-file'?: string; 'drain-seconds': string };
  try {
    ({ values } = parseArgs({ args: [...argv], options }));
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error));
  }
  const { 'shard-key': key, 'shard-file': file } = values;
  const drainSeconds = Number(values['drain-seconds']);
  if (!(drainSeconds >= 0)) throw unreadable(`--drain-seconds is ${values['drain-seconds']}`);
  if (key !== undefined && file === undefined) return { shard: { key }, drainSeconds };
  if (file !== undefined && key === undefined) return { shard: { file }, drainSeconds };
  throw unreadable('it takes either --shard-key or --shard-file');
}

async function readShard(place: WorkerArguments['shard'], store: ObjectStore): Promise<Shard> {
  let document: unknown;
  try {
    const bytes = 'key' in place ? await store.get(place.key) : await readFile(place.file);
    document = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw unreadable(asHpbError(error).message, error);
  }
  const parsed = shardSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw unreadable(`${issue.path.join('.') || 'it'}: ${issue.message}`);
}

function unreadable(reason: string, cause?: unknown): HpbError {
  return new HpbError('SHARD_UNREADABLE', `The worker cannot use what it was started with: ${reason}.`, {
    remedy: 'The shard document was written by another version, or not at all: start the job again.',
    cause,
  });
}

// oxlint-disable-next-line node/no-process-env -- the entry point hands its environment on
process.exitCode = await main(process.argv.slice(2), process.env);
