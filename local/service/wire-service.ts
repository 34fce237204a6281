import { join } from 'node:path';
import { ChildProcessJobs } from '../../adapters/child-process-jobs.ts';
import { FileMultipart } from '../../adapters/file-multipart.ts';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { FileSignedLinks, type FileLinkOptions } from '../../adapters/file-signed-links.ts';
import { UploadIntake } from '../../adapters/intake/upload-intake.ts';
import { JsonlMetrics } from '../../adapters/jsonl-metrics.ts';
import { LocalExecutions } from '../../adapters/local-executions.ts';
import { machinePaths } from '../../adapters/machine-paths.ts';
import { randomIds } from '../../adapters/random-ids.ts';
import { StoreBundler } from '../../adapters/store-bundler.ts';
import { StoreJobIndex } from '../../adapters/store-job-index.ts';
import { memoryPresent, systemClock } from '../../adapters/system.ts';
import { objectsRoot, packageVersion } from '../../container/wire.ts';
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
  /** Runs again what an earlier process was running. */
  readonly recover: () => Promise<void>;
  /** Ends what runs, workers included. */
  readonly close: () => Promise<void>;
}

/** How much slower than a T4 two CPU cores are, by the demo networks; only deadlines depend on it. */
const CPU_SLOWNESS = 60;

/** Wires the ports; nothing runs yet. `baseUrl`: what links begin with. */
export async function wireService(
  options: LaptopServiceOptions,
  baseUrl: () => string,
): Promise<WiredService> {
  const { settings, packageRoot, log } = options;
  const paths = machinePaths(settings, packageRoot);
  const root = objectsRoot(paths);
  const store = new FileObjectStore(root);
  const linkOptions: FileLinkOptions = {
    store,
    multipart: new FileMultipart(root),
    secret: await linkSecret(paths.dataRoot),
    clock: systemClock,
  };
  const slots = await workerSlots(options);
  const jobs = new ChildProcessJobs({
    worker: workerCommand(options),
    slots,
    logFolder: join(paths.dataRoot, 'logs'),
  });
  const onGpu = slots.some((slot) => 'CUDA_VISIBLE_DEVICES' in slot);
  const { HPB_FINISHED_WEBHOOK: webhook, HPB_MIN_FREE_BYTES: floor } = settings;
  const unwired: Omit<ServicePorts, 'executions'> = {
    store,
    links: new FileSignedLinks(linkOptions, baseUrl),
    index: new StoreJobIndex(store, systemClock),
    jobs,
    intake: new UploadIntake({
      store,
      scratch: join(paths.dataRoot, 'scratch', 'intake'),
      memoryBytes: await memoryPresent(),
    }),
    bundler: new StoreBundler(store),
    metrics: new JsonlMetrics({ path: join(paths.dataRoot, 'metrics.jsonl'), clock: systemClock }),
    ids: randomIds,
    clock: systemClock,
    log,
    limits: serviceLimits(settings, { slots: slots.length, slowness: onGpu ? 1 : CPU_SLOWNESS }),
    admission: ({ bytes }) => keepDiskFloor(paths.dataRoot, bytes, floor),
    ...(webhook !== undefined && { onFinished: finishedWebhook(webhook, log) }),
  };
  // The workflow calls the use-cases, and they start the workflow.
  const executions: LocalExecutions = new LocalExecutions({
    store,
    jobs,
    functions: workflowFunctions({
      ...unwired,
      get executions() {
        return executions;
      },
    }),
  });
  return {
    ports: { ...unwired, executions },
    linkOptions,
    serviceVersion: await packageVersion(packageRoot),
    recover: async () => {
      for (const { name, input } of await executions.recover()) await executions.start(name, input);
    },
    close: async () => {
      await executions.close();
      await jobs.close();
    },
  };
}
