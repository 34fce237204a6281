import { readFile } from 'node:fs/promises';
import { mkdirSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import {
  BatchClient,
  CreateComputeEnvironmentCommand,
  CreateJobQueueCommand,
  RegisterJobDefinitionCommand,
} from '@aws-sdk/client-batch';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { BatchJobs } from '../../adapters/batch-jobs.ts';
import { S3ObjectStore } from '../../adapters/s3-object-store.ts';
import { systemClock } from '../../adapters/system.ts';
import { MODELS_PREFIX, modelsManifestKey } from '../../core/layout.ts';
import { parseWeightsManifest } from '../../core/models/weights-manifest.ts';
import type { Cloud } from './cloud.ts';
import { IMAGE } from './image.ts';

/** What the stacks would have made, in the emulated cloud. */
export interface Deployment {
  readonly s3: S3Client;
  readonly cloudWatch: CloudWatchClient;
  readonly jobsBucket: string;
  readonly store: S3ObjectStore;
  readonly jobs: BatchJobs;
  /** Where workers keep weights on the machine. */
  readonly modelsFolder: string;
}

const REGION = 'us-east-1';
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
/** Where moto puts what jobs print. */
const LOG_GROUP = '/aws/batch/job';
const [JOBS, MODELS] = ['rehearsal-jobs', 'rehearsal-models'];

/** Buckets with the demo networks in them, queues, and job definitions of the image as the compute stack has them. */
export async function deploy(cloud: Cloud, folder: string, demoWeights: string): Promise<Deployment> {
  const s3 = new S3Client({ endpoint: cloud.ministack, region: REGION, credentials, forcePathStyle: true });
  for (const Bucket of [JOBS, MODELS]) await s3.send(new CreateBucketCommand({ Bucket }));
  await pushWeights(new S3ObjectStore({ client: s3, bucket: MODELS, clock: systemClock }), demoWeights);
  const modelsFolder = join(folder, 'models');
  mkdirSync(modelsFolder);
  // The user of the image has a number of its own.
  chmodSync(modelsFolder, 0o777);
  const batch = new BatchClient({ endpoint: cloud.moto, region: REGION, credentials });
  const environment = await computeEnvironment(cloud, batch);
  const queue = async (name: string): Promise<string> => {
    const order = [{ order: 1, computeEnvironment: environment }];
    const made = await batch.send(
      new CreateJobQueueCommand({
        jobQueueName: name,
        state: 'ENABLED',
        priority: 1,
        computeEnvironmentOrder: order,
      }),
    );
    return made.jobQueueArn!;
  };
  const worker = await definition(batch, 'rehearsal-worker', workerEnvironment(cloud), modelsFolder);
  const cpu = await definition(batch, 'rehearsal-cpu', workerEnvironment(cloud), modelsFolder);
  return {
    s3,
    cloudWatch: new CloudWatchClient({ endpoint: cloud.ministack, region: REGION, credentials }),
    jobsBucket: JOBS,
    store: new S3ObjectStore({ client: s3, bucket: JOBS, clock: systemClock }),
    jobs: new BatchJobs({
      batch,
      logs: new CloudWatchLogsClient({ endpoint: cloud.moto, region: REGION, credentials }),
      queues: {
        interactive: await queue('interactive'),
        bulk: await queue('bulk'),
        cpu: await queue('cpu-only'),
      },
      definitions: { worker, cpu },
      logGroup: LOG_GROUP,
      pollMs: 1_000,
    }),
    modelsFolder,
  };
}

/** Name of the rehearsed deployment. */
export const STAGE = 'rehearsal';

/** As lib/constructs/worker-definition.ts sets it, for a machine without a card and with endpoints of its own. */
export function workerEnvironment(cloud: Pick<Cloud, 'ministack'>): Readonly<Record<string, string>> {
  return {
    HPB_STAGE: STAGE,
    HPB_JOBS_BUCKET: JOBS,
    HPB_MODELS_BUCKET: MODELS,
    HPB_DEVICE: 'cpu',
    HPB_WEIGHTS: 'auto',
    HPB_LOG_LEVEL: 'debug',
    OMP_NUM_THREADS: '1',
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL_S3: cloud.ministack,
    AWS_ENDPOINT_URL_CLOUDWATCH: cloud.ministack,
    // Nothing listens there: this machine is none of EC2's.
    AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9',
  };
}

/** What `hpb models push` does with real ones: files first, the manifest last. */
async function pushWeights(store: S3ObjectStore, folder: string): Promise<void> {
  const text = await readFile(join(folder, 'manifest.json'), 'utf8');
  for (const { files } of Object.values(parseWeightsManifest(text).sets))
    for (const path of Object.keys(files)) await store.putFile(`${MODELS_PREFIX}${path}`, join(folder, path));
  await store.put(modelsManifestKey(), text);
}

async function definition(
  batch: BatchClient,
  name: string,
  environment: Readonly<Record<string, string>>,
  modelsFolder: string,
): Promise<string> {
  const { jobDefinitionArn } = await batch.send(
    new RegisterJobDefinitionCommand({
      jobDefinitionName: name,
      type: 'container',
      containerProperties: {
        image: IMAGE,
        user: '10001:10001',
        readonlyRootFilesystem: true,
        resourceRequirements: [
          { type: 'MEMORY', value: '8192' },
          { type: 'VCPU', value: '1' },
        ],
        environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
        volumes: [{ name: 'models', host: { sourcePath: modelsFolder } }],
        mountPoints: [{ sourceVolume: 'models', containerPath: '/models', readOnly: false }],
      },
    }),
  );
  return jobDefinitionArn!;
}

async function computeEnvironment(cloud: Cloud, batch: BatchClient): Promise<string> {
  const { computeEnvironmentArn } = await batch.send(
    new CreateComputeEnvironmentCommand({
      computeEnvironmentName: 'rehearsal',
      type: 'UNMANAGED',
      state: 'ENABLED',
      serviceRole: await serviceRole(cloud.moto),
    }),
  );
  return computeEnvironmentArn!;
}

/** moto tells services apart by the scope of the signature, which it does not check. */
async function serviceRole(endpoint: string): Promise<string> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/iam/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: new URLSearchParams({
      Action: 'CreateRole',
      Version: '2010-05-08',
      RoleName: 'rehearsal',
      AssumeRolePolicyDocument: '{}',
    }),
  });
  return /<Arn>(.+)<\/Arn>/.exec(await answer.text())![1]!;
}
