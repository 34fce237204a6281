import { fileURLToPath } from 'node:url';
import { jsonLog } from '../adapters/json-log.ts';
import { systemClock } from '../adapters/system.ts';
import { WORKER_EXIT } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';
import { parseSettings } from '../core/settings.ts';
import { CallersNames } from './callers-names.ts';
import { isDeployed } from './worker-home.ts';
import { parseArguments } from './worker-arguments.ts';
import { reportEnd, serveWorker } from './worker-server.ts';
import { WorkerSignals } from './worker-signals.ts';
import { runTask } from './worker-task.ts';
import { wireWorker } from './wire.ts';
import { wireServiceTasks } from './wire-service-tasks.ts';

/** How long what runs may take to end when the owner of a serving worker is gone. */
const OWNER_GONE_MS = 5_000;

/** From SIGTERM to SIGKILL, less what ending takes: Docker gives 30 s, machines of a deployment 110 (lib/constructs/worker-host.ts). */
const DRAIN_SECONDS = { laptop: 20, deployed: 90 } as const;

/**
 * The worker process: `main.ts (--shard-key KEY | --shard-file FILE | --take JOB --attempt N | --publish JOB --attempt N
 * | --serve) [--drain-seconds N]`. Logs JSON lines on stdout and ends with a code of `WORKER_EXIT`. On SIGTERM or SIGINT
 * no case is begun any more; the running one may finish within the drain time; a second signal ends it at once.
 * With `--serve` it takes tasks on stdin and answers among the log lines, see `WorkerServerOptions`.
 */
async function main(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const write = (line: string): void => void process.stdout.write(line);
  const log = (level: 'debug' | 'info' | 'warn' | 'error'): Log =>
    jsonLog({ level, clock: systemClock, write });
  const signals = new WorkerSignals();
  try {
    const { task, drainSeconds } = parseArguments(argv);
    const settings = parseSettings(environment);
    const workerLog = log(settings.HPB_LOG_LEVEL);
    const drain = drainSeconds ?? DRAIN_SECONDS[isDeployed(environment) ? 'deployed' : 'laptop'];
    signals.listen(drain, (signal) => workerLog.warn('worker:drain', { signal, drainSeconds: drain }));
    const packageRoot = fileURLToPath(new URL('..', import.meta.url));
    const worker = await wireWorker({ settings, packageRoot, environment, log: workerLog });
    const { care, metrics } = worker;
    try {
      const ports = {
        worker: worker.ports,
        metrics,
        names: new CallersNames(worker.ports),
        service: wireServiceTasks({
          settings,
          metrics,
          viewerBucket: environment['HPB_VIEWER_BUCKET'],
          worker: worker.ports,
        }),
      };
      if (task !== null) {
        const run = (): Promise<number> => runTask(task, ports, signals);
        return await (care === null || task.kind !== 'shard' ? run() : care(signals, run));
      }
      await serveWorker({
        input: process.stdin,
        write,
        log: workerLog,
        signals,
        run: (one, taskSignals) => runTask(one, ports, taskSignals),
        idleSeconds: settings.HPB_ENGINE_IDLE_SECONDS,
        onIdle: () => worker.ports.engine.stop(),
        onOwnerGone: () =>
          void setTimeout(() => process.exit(WORKER_EXIT.interrupted), OWNER_GONE_MS).unref(),
      });
      return WORKER_EXIT.done;
    } finally {
      await worker.close();
    }
  } catch (thrown) {
    return reportEnd(log('error'), thrown);
  } finally {
    signals.close();
  }
}

// A reader that is gone must not end the worker before its engine is stopped.
process.stdout.on('error', () => undefined);
// oxlint-disable-next-line node/no-process-env -- the entry point hands its environment on
process.exitCode = await main(process.argv.slice(2), process.env);
