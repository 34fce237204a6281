import { S3Client } from '@aws-sdk/client-s3';
import { jsonLog } from '../adapters/json-log.ts';
import { randomIds } from '../adapters/random-ids.ts';
import { S3ObjectStore } from '../adapters/s3-object-store.ts';
import { S3SignedLinks, signingClient } from '../adapters/s3-signed-links.ts';
import { StoreJobIndex } from '../adapters/store-job-index.ts';
import { systemClock } from '../adapters/system.ts';
import type { viewerBucket as LoadViewer } from '../adapters/viewer-bucket.ts';
import type { JobDocument } from '../core/job.ts';
import { metricNamespace } from '../core/metrics.ts';
import { SIZE_TIERS } from '../core/plan.ts';
import type { Executions, Jobs, ObjectStore } from '../core/ports.ts';
import { PushedWeights } from '../core/use-cases/pushed-weights.ts';
import { serviceLimits } from '../core/use-cases/service-limits.ts';
import type { ServicePorts, WorkflowPorts } from '../core/use-cases/service-ports.ts';

import { deployed, functionSettings } from './environment.ts';

/**
 * The ports over AWS, once per start of a function. Adapters that most calls do without are loaded when they are first
 * used: what is loaded at the start is what a caller waits for.
 */

const clock = systemClock;
const client = new S3Client({});
/** Room of a function for one CT at a time. */
const SCRATCH = '/tmp/intake';

/** What the functions of the workflow need. Its names are known before the workflow is made. */
export function workflowPorts(): WorkflowPorts {
  const told = deployed('HPB_STAGE', 'HPB_JOBS_BUCKET', 'HPB_EVENT_BUS', 'HPB_WORKER_LOG_GROUP');
  const { HPB_JOBS_BUCKET: bucket, HPB_WORKER_LOG_GROUP: group } = told;
  const { AWS_REGION: region } = functionSettings();
  return {
    ...portsOver(new S3ObjectStore({ client, bucket, clock })),
    ...(region !== undefined && { workerLogs: { region, group } }),
  };
}

/** The same for who publishes results: nobody else carries what draws thumbnails. */
export function publishingPorts(loadViewer: typeof LoadViewer): WorkflowPorts {
  const { HPB_VIEWER_BUCKET: bucket } = deployed('HPB_VIEWER_BUCKET');
  return { ...workflowPorts(), viewer: () => loadViewer(client, bucket, clock) };
}

/** What starts and stops jobs needs. */
export interface StartingPorts extends ServicePorts {
  readonly weights: PushedWeights;
}

/** What the API needs, or whoever else starts jobs. `store`: another one than that of the jobs bucket. */
export function startingPorts(store?: ObjectStore): StartingPorts {
  const { HPB_JOBS_BUCKET: bucket, HPB_MODELS_BUCKET: models } = deployed(
    'HPB_JOBS_BUCKET',
    'HPB_MODELS_BUCKET',
    'HPB_STATE_MACHINE_ARN',
  );
  const jobsStore = new S3ObjectStore({ client, bucket, clock });
  const realOnly = functionSettings().HPB_WEIGHTS === 'real';
  const weights = new PushedWeights(new S3ObjectStore({ client, bucket: models, clock }), clock, {
    realOnly,
  });
  return {
    ...portsOver(store ?? jobsStore),
    weights,
    ids: randomIds,
    links: new S3SignedLinks({ client: signingClient({}), bucket, store: jobsStore, clock }),
    executions: executions(),
    jobs: batchJobs(),
    workersLinger: true,
    eraseVersions: async (prefix) => {
      const { eraseVersions } = await import('../adapters/s3-versions.ts');
      return eraseVersions(client, bucket, prefix);
    },
    admission: async ({ work }) => {
      if (work !== undefined) await weights.require(work.models, work.options);
    },
  };
}

/** The start of jobs over both buckets: what is dropped into one becomes an upload in the other. */
export async function ingestPorts(): Promise<StartingPorts> {
  const { TwoBucketStore } = await import('../adapters/two-bucket-store.ts');
  const { HPB_JOBS_BUCKET: jobs, HPB_INGEST_BUCKET: ingest } = deployed(
    'HPB_JOBS_BUCKET',
    'HPB_INGEST_BUCKET',
  );
  return startingPorts(new TwoBucketStore({ client, jobs, ingest, clock }));
}

function portsOver(store: ObjectStore): WorkflowPorts {
  const settings = functionSettings();
  return {
    store,
    clock,
    index: new StoreJobIndex(store, clock),
    log: jsonLog({
      level: settings.HPB_LOG_LEVEL,
      clock,
      write: (line) => void process.stdout.write(line),
    }),
    limits: serviceLimits(settings, { slots: settings.HPB_MAX_CONCURRENCY ?? 1, slowness: 1 }),
    metrics: { put: async (samples) => (await cloudWatchMetrics()).put(samples) },
    intake: {
      take: async (request) => (await uploadIntake(store)).take(request),
      peek: async (upload) => (await uploadIntake(store)).peek(upload),
    },
    bundler: {
      bundle: async (key, members) => {
        const { StoreBundler } = await import('../adapters/store-bundler.ts');
        return new StoreBundler(store).bundle(key, members);
      },
    },
    onFinished: announce,
    hasViewer: true,
  };
}

/** What could not be made is tried again by the next call: a function lives for hours. */
const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () =>
    (made ??= make().catch((thrown: unknown) => {
      made = undefined;
      throw thrown;
    }));
};

const cloudWatchMetrics = once(async () => {
  const [{ CloudWatchClient }, { CloudWatchMetrics }] = await Promise.all([
    import('@aws-sdk/client-cloudwatch'),
    import('../adapters/cloudwatch-metrics.ts'),
  ]);
  const { HPB_STAGE: stage } = deployed('HPB_STAGE');
  return new CloudWatchMetrics(new CloudWatchClient({}), clock, metricNamespace(stage));
});

const eventBridge = once(async () => {
  const [{ EventBridgeClient }, { putFinishedEvent }] = await Promise.all([
    import('@aws-sdk/client-eventbridge'),
    import('../adapters/finished-events.ts'),
  ]);
  return { client: new EventBridgeClient({}), putFinishedEvent };
});

async function announce(job: JobDocument): Promise<void> {
  const { client, putFinishedEvent } = await eventBridge();
  const { HPB_STAGE: stage, HPB_EVENT_BUS: bus } = deployed('HPB_STAGE', 'HPB_EVENT_BUS');
  await putFinishedEvent({ client, bus, stage }, job);
}

const ownScratch = once(async () => {
  const { processScratch } = await import('../adapters/intake/process-scratch.ts');
  return processScratch(SCRATCH);
});

async function uploadIntake(store: ObjectStore): Promise<ServicePorts['intake']> {
  const [{ UploadIntake }, scratch] = await Promise.all([
    import('../adapters/intake/upload-intake.ts'),
    ownScratch(),
  ]);
  return new UploadIntake({ store, scratch, memoryBytes: SIZE_TIERS.at(-1)!.memoryMib * 2 ** 20 });
}

function executions(): Executions {
  const stepFunctions = once(async () => {
    const [{ SFNClient }, { SfnExecutions }] = await Promise.all([
      import('@aws-sdk/client-sfn'),
      import('../adapters/sfn-executions.ts'),
    ]);
    const { HPB_STATE_MACHINE_ARN: machine } = deployed('HPB_STATE_MACHINE_ARN');
    return new SfnExecutions(new SFNClient({}), machine);
  });
  return {
    start: async (name, input) => (await stepFunctions()).start(name, input),
    stop: async (name, reason) => (await stepFunctions()).stop(name, reason),
    describe: async (name) => (await stepFunctions()).describe(name),
  };
}

function batchJobs(): Pick<Jobs, 'queuePosition' | 'logTail'> {
  const batch = once(async () => {
    const [{ BatchClient }, { CloudWatchLogsClient }, { BatchJobs }] = await Promise.all([
      import('@aws-sdk/client-batch'),
      import('@aws-sdk/client-cloudwatch-logs'),
      import('../adapters/batch-jobs.ts'),
    ]);
    const told = deployed(
      'HPB_INTERACTIVE_QUEUE_ARN',
      'HPB_BULK_QUEUE_ARN',
      'HPB_CPU_QUEUE_ARN',
      'HPB_WORKER_DEFINITION_ARN',
      'HPB_CPU_DEFINITION_ARN',
      'HPB_WORKER_LOG_GROUP',
    );
    return new BatchJobs({
      batch: new BatchClient({}),
      logs: new CloudWatchLogsClient({}),
      queues: {
        interactive: told.HPB_INTERACTIVE_QUEUE_ARN,
        bulk: told.HPB_BULK_QUEUE_ARN,
        cpu: told.HPB_CPU_QUEUE_ARN,
      },
      definitions: { worker: told.HPB_WORKER_DEFINITION_ARN, cpu: told.HPB_CPU_DEFINITION_ARN },
      logGroup: told.HPB_WORKER_LOG_GROUP,
    });
  });
  return {
    queuePosition: async (prefix) => (await batch()).queuePosition(prefix),
    logTail: async (prefix, lines) => (await batch()).logTail(prefix, lines),
  };
}
