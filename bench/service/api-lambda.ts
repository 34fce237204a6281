/**
 * The API as a Lambda holds it: the HTTP app over the AWS adapters, wired once per cold start. The benchmark and the
 * architecture test bundle it; that way they know what a deployment weighs.
 */
import { env } from 'node:process';
import { BatchClient } from '@aws-sdk/client-batch';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { handle } from 'hono/aws-lambda';
import { BatchJobs } from '../../adapters/batch-jobs.ts';
import { CloudWatchMetrics } from '../../adapters/cloudwatch-metrics.ts';
import { createHttpApp } from '../../adapters/http-app/app.ts';
import { UploadIntake } from '../../adapters/intake/upload-intake.ts';
import { jsonLog } from '../../adapters/json-log.ts';
import { randomIds } from '../../adapters/random-ids.ts';
import { S3ObjectStore } from '../../adapters/s3-object-store.ts';
import { S3SignedLinks, signingClient } from '../../adapters/s3-signed-links.ts';
import { SfnExecutions } from '../../adapters/sfn-executions.ts';
import { StoreBundler } from '../../adapters/store-bundler.ts';
import { StoreJobIndex } from '../../adapters/store-job-index.ts';
import { systemClock } from '../../adapters/system.ts';
import { DEFAULT_LIMITS, type ServicePorts } from '../../core/use-cases/service-ports.ts';

/** A name that the deployment tells by the environment. */
// oxlint-disable-next-line node/no-process-env -- an entry point of its own
const named = (name: string): string => env[name] ?? 'unset';

const client = new S3Client({});
const bucket = named('JOBS_BUCKET');
const clock = systemClock;
const store = new S3ObjectStore({ client, bucket, clock });

const ports: ServicePorts = {
  store,
  clock,
  ids: randomIds,
  links: new S3SignedLinks({ client: signingClient({}), bucket, store, clock }),
  index: new StoreJobIndex(store, clock),
  executions: new SfnExecutions(new SFNClient({}), named('STATE_MACHINE_ARN')),
  jobs: new BatchJobs({
    batch: new BatchClient({}),
    logs: new CloudWatchLogsClient({}),
    queues: {
      interactive: named('INTERACTIVE_QUEUE'),
      bulk: named('BULK_QUEUE'),
      cpu: named('CPU_QUEUE'),
    },
    definitions: { worker: named('WORKER_DEFINITION'), cpu: named('CPU_DEFINITION') },
    logGroup: named('WORKER_LOG_GROUP'),
  }),
  intake: new UploadIntake({ store, scratch: '/tmp/intake' }),
  bundler: new StoreBundler(store),
  metrics: new CloudWatchMetrics(new CloudWatchClient({}), clock),
  log: jsonLog({ level: 'info', clock, write: (line) => void process.stdout.write(line) }),
  limits: DEFAULT_LIMITS,
  admission: async () => undefined,
};

/** What API Gateway calls. */
export const handler = handle(
  createHttpApp(ports, {
    version: async () => ({ service: '0', node: process.versions.node, engines: {}, models: [] }),
    readiness: async () => ({ ready: true, checks: {}, errors: [] }),
    acceptsBodies: false,
    serverSentEvents: false,
    baseUrl: (request) => new URL(request.url).origin,
  }),
);
