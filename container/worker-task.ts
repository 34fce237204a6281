import { readFile } from 'node:fs/promises';
import { asHpbError, WORKER_EXIT } from '../core/errors.ts';
import { jobPlanKey, type CaseId } from '../core/layout.ts';
import type { Metrics, ObjectStore } from '../core/ports.ts';
import { shard as shardSchema, type Shard } from '../core/shard.ts';
import { isAttemptOver } from './attempt-over.ts';
import type { CallersNames } from './callers-names.ts';
import type { WorkerPorts } from './case-context.ts';
import { runServiceTask, type ServiceTaskPorts } from './service-tasks.ts';
import { runShard } from './worker.ts';
import { unreadable, type WorkerTask } from './worker-arguments.ts';
import type { TaskSignals } from './worker-server.ts';

/** What a worker process works with. */
export interface TaskPorts {
  readonly worker: WorkerPorts;
  readonly names: CallersNames;
  readonly service: ServiceTaskPorts;
  /** Takes the wait of a shard where the worker has no meter. */
  readonly metrics: Metrics;
}

/**
 * Runs what a worker was asked for and gives its exit code.
 *
 * @throws HpbError SHARD_UNREADABLE, STORE_UNAVAILABLE, or what ends a task of a job as a whole.
 */
export async function runTask(task: WorkerTask, ports: TaskPorts, signals: TaskSignals): Promise<number> {
  if (task.kind !== 'shard') return runServiceTask(task, ports.service, signals);
  const { worker } = ports;
  // Importing the engines takes as long as fetching and checking the first CT.
  void worker.engine.hello().catch(() => undefined);
  const shard = await readShard(task.place, worker.store);
  if (await isAttemptOver(worker, shard)) return WORKER_EXIT.done;
  await meterQueue(shard, ports);
  const names = await ports.names.of(shard.jobId);
  const caseName = (caseId: CaseId): string => names.get(caseId) ?? caseId;
  return (await runShard(shard, worker, { ...signals, caseName })).exitCode;
}

/** How long the shard has waited since it was planned. */
async function meterQueue(
  { jobId, attempt }: Shard,
  { worker: { meter, store, clock }, metrics }: Pick<TaskPorts, 'worker' | 'metrics'>,
): Promise<void> {
  const plan = await store.head(jobPlanKey(jobId, attempt)).catch(() => null);
  if (plan === null) return;
  const value = Math.max(0, clock.now() - plan.modifiedAt) / 1000;
  if (meter === undefined) await metrics.put([{ name: 'QueueSeconds', value }]);
  else meter.queued(value);
}

async function readShard(
  place: { readonly key: string } | { readonly file: string },
  store: Pick<ObjectStore, 'get'>,
): Promise<Shard> {
  let document: unknown;
  try {
    const bytes = 'key' in place ? await store.get(place.key) : await readFile(place.file);
    document = JSON.parse(new TextDecoder().decode(bytes));
  } catch (thrown) {
    const error = asHpbError(thrown);
    if (error.code === 'STORE_UNAVAILABLE') throw error;
    throw unreadable(error.message, thrown);
  }
  const parsed = shardSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw unreadable(`${issue.path.join('.') || 'it'}: ${issue.message}`);
}
