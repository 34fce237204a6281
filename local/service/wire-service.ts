import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ChildProcessJobs } from '../../adapters/child-process-jobs.ts';
import { FileMultipart } from '../../adapters/file-multipart.ts';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { FileSignedLinks, type FileLinkOptions } from '../../adapters/file-signed-links.ts';
import { UploadIntake } from '../../adapters/intake/upload-intake.ts';
import { JsonlMetrics } from '../../adapters/jsonl-metrics.ts';
import { LocalExecutions } from '../../adapters/local-executions.ts';
import { machinePaths } from '../../adapters/machine-paths.ts';
import { packageVersion } from '../../adapters/package-version.ts';
import { randomIds } from '../../adapters/random-ids.ts';
import { StoreBundler } from '../../adapters/store-bundler.ts';
import { StoreJobIndex } from '../../adapters/store-job-index.ts';
import { memoryPresent, systemClock } from '../../adapters/system.ts';
import { removeDeadScratch, scratchRoots } from '../../container/scratch.ts';
import { objectsRoot } from '../../container/worker-home.ts';
import { serviceLimits } from '../../core/use-cases/service-limits.ts';
import type { ServicePorts } from '../../core/use-cases/service-ports.ts';
import { workflowFunctions } from '../../core/use-cases/workflow-functions.ts';
import { keepDiskFloor } from './disk-floor.ts';
import { finishedWebhook } from './finished-webhook.ts';
import type { LaptopServiceOptions } from './laptop-service.ts';
import { linkSecret } from './link-secret.ts';
import { workerCommand, workerSlots } from './worker-command.ts';

/** The service over the adapters of this machine. */
export interface WiredService {
  readonly ports: ServicePorts;
  readonly linkOptions: FileLinkOptions;
  readonly serviceVersion: string;
  /** Removes what an earlier process left half-done; what anybody writes meanwhile goes as well. */
  readonly clear: () => Promise<void>;
  /** Runs again what an earlier process was running, unless it runs already. */
  readonly recover: () => Promise<void>;
  /** Forgets uploads in parts that nobody has gone on with for long, and what broken-off writes and dead workers left. */
  readonly tidy: () => Promise<void>;
  /** Ends what runs, workers included. */
  readonly close: () => Promise<void>;
}

/** How much slower than a T4 two CPU cores are, by the demo networks; only deadlines depend on it. */
const CPU_SLOWNESS = 60;
/** A slow line may take days for an upload. */
const STALE_UPLOAD_MS = 7 * 86_400_000;
/** Nobody writes an object with such a pause. */
const STALE_WRITE_MS = 3_600_000;

/** Wires the ports; nothing runs yet. `baseUrl`: what links begin with. */
export async function wireService(
  options: LaptopServiceOptions,
  baseUrl: () => string,
): Promise<WiredService> {
  const { settings, packageRoot } = options;
  const paths = machinePaths(settings, packageRoot);
  const root = objectsRoot(paths);
  const store = new FileObjectStore(root);
  const multipart = new FileMultipart(root);
  const secret = await linkSecret(paths.dataRoot);
  const linkOptions: FileLinkOptions = { store, multipart, secret, clock: systemClock };
  const slots = await workerSlots(options);
  const jobs = new ChildProcessJobs({
    worker: workerCommand(options),
    slots,
    logFolder: join(paths.dataRoot, 'logs'),
  });
  const scratch = scratchRoots(settings, paths);
  const intakeScratch = join(paths.dataRoot, 'scratch', 'intake');
  const memoryBytes = await memoryPresent();
  const onGpu =
    settings.HPB_DEVICE.startsWith('cuda') || slots.some((slot) => 'CUDA_VISIBLE_DEVICES' in slot);
  const unwired: Omit<ServicePorts, 'executions'> = {
    ...machinePorts(options),
    store,
    links: new FileSignedLinks(linkOptions, baseUrl),
    index: new StoreJobIndex(store, systemClock),
    jobs,
    intake: new UploadIntake({ store, scratch: intakeScratch, memoryBytes }),
    bundler: new StoreBundler(store),
    limits: serviceLimits(settings, { slots: slots.length, slowness: onGpu ? 1 : CPU_SLOWNESS, memoryBytes }),
    // A function that is putting a result together is not waited for.
    workersLinger: true,
  };
  const executions = wireExecutions(unwired, jobs);
  return {
    ports: { ...unwired, executions },
    linkOptions,
    serviceVersion: packageVersion(packageRoot),
    clear: async () => {
      await rm(intakeScratch, { recursive: true, force: true });
      await removeDeadScratch(scratch, options.log);
      await store.removeUnfinished(0);
    },
    recover: async () => {
      for (const { name, input } of await executions.recover()) await executions.start(name, input);
    },
    tidy: async () => {
      await multipart.removeStale(STALE_UPLOAD_MS);
      // Of workers that were killed: while they worked, and while they wrote.
      await removeDeadScratch(scratch, options.log);
      await store.removeUnfinished(STALE_WRITE_MS);
    },
    close: async () => {
      await executions.close();
      await jobs.close();
    },
  };
}

/** What is of this machine and depends on nothing else. */
function machinePorts({
  settings,
  packageRoot,
  log,
}: LaptopServiceOptions): Pick<
  ServicePorts,
  'admission' | 'clock' | 'ids' | 'log' | 'metrics' | 'onFinished'
> {
  const { dataRoot } = machinePaths(settings, packageRoot);
  const { HPB_FINISHED_WEBHOOK: webhook, HPB_MIN_FREE_BYTES: floor } = settings;
  return {
    metrics: new JsonlMetrics({ path: join(dataRoot, 'metrics.jsonl'), clock: systemClock }),
    ids: randomIds,
    clock: systemClock,
    log,
    admission: ({ bytes }) => keepDiskFloor(dataRoot, bytes, floor),
    ...(webhook !== undefined && { onFinished: finishedWebhook(webhook, log) }),
  };
}

/** The workflow calls the use-cases, and they start the workflow. */
function wireExecutions(ports: Omit<ServicePorts, 'executions'>, jobs: ChildProcessJobs): LocalExecutions {
  const executions: LocalExecutions = new LocalExecutions({
    store: ports.store,
    jobs,
    functions: workflowFunctions({
      ...ports,
      get executions() {
        return executions;
      },
    }),
  });
  return executions;
}
