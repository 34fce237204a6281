import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { runProcess } from '../../adapters/run-process.ts';
import { S3ObjectStore } from '../../adapters/s3-object-store.ts';
import { systemClock } from '../../adapters/system.ts';
import { createHpbClient } from '../../cli/api/client.ts';
import { connectService, type Service } from '../../cli/api/service.ts';
import { signingFetch } from '../../cli/api/signing-fetch.ts';
import { MODELS_PREFIX, modelsManifestKey, shardKey, type JobId } from '../../core/layout.ts';
import { fakeVenv } from '../fixtures/fake-host.ts';
import { ROOT } from '../fixtures/stacks.ts';
import { fakeSet } from '../fixtures/weights.ts';
import { deployStacks, STAGE, type StackOutputs } from './deployed-stacks.ts';
import {
  ACCOUNT,
  ADMINISTRATOR,
  clientOf,
  elements,
  emulatedAccount,
  query,
  REGION,
  type Access,
  type EmulatedAccount,
} from './emulated-account.ts';
import { inRole, physicalName, userWith } from './identities.ts';

/** Clients of who may do everything. */
export interface AdministratorClients {
  readonly s3: S3Client;
  readonly sfn: SFNClient;
  readonly logs: CloudWatchLogsClient;
  readonly metrics: CloudWatchClient;
}

/** All three stacks in an account of their own, with weights, and those who use them. */
export interface DeployedService {
  readonly account: EmulatedAccount;
  readonly outputs: StackOutputs;
  readonly administrator: AdministratorClients;
  /** Address of the API, without a slash at the end. */
  readonly endpoint: string;
  /** The API as somebody with the policy of docs/security.md calls it. */
  readonly caller: Service;
  /** Keys of that caller. */
  readonly access: Access;
  /** Who may drop objects below `ingest/clinic/` and nothing else. */
  readonly sender: S3Client;
  /** Queue that gets what the topic of finished jobs says. */
  readonly announcements: string;
  readonly jobs: S3ObjectStore;
  readonly stop: () => Promise<void>;
}

/** Deploys it, as stage `dev` with other properties; takes some ten seconds. */
export async function deployedService(
  properties: Readonly<Record<string, unknown>> = {},
): Promise<DeployedService> {
  const account = await emulatedAccount();
  const outputs = await deployStacks(account, properties);
  const options = clientOf(account, ADMINISTRATOR);
  const s3 = new S3Client({ ...options, forcePathStyle: true });
  const [apiId = ''] = new URL(outputs.Service['ApiUrl']!).hostname.split('.');
  const endpoint = `${account.endpoint}/_aws/execute-api/${apiId}/${STAGE}`;
  const storeOf = (bucket: string): S3ObjectStore =>
    new S3ObjectStore({ client: s3, bucket, clock: systemClock });
  await pushWeights(storeOf(outputs.Data['ModelsBucketName']!));
  const credentials = await userWith(account, 'caller', callerPolicy(apiId));
  return {
    account,
    outputs,
    administrator: {
      s3,
      sfn: new SFNClient(options),
      logs: new CloudWatchLogsClient(options),
      metrics: new CloudWatchClient(options),
    },
    endpoint,
    access: credentials,
    caller: connectService(
      createHpbClient({ endpoint, fetch: signingFetch({ region: REGION, credentials }) }),
      endpoint,
    ),
    sender: new S3Client({
      ...clientOf(account, await userWith(account, 'sender', senderPolicy(outputs))),
      forcePathStyle: true,
    }),
    announcements: await listeningQueue(account, outputs.Service['FinishedJobTopicArn']!),
    jobs: storeOf(outputs.Data['JobsBucketName']!),
    stop: account.stop,
  };
}

/** As a reader of docs/security.md copies it. */
function callerPolicy(apiId: string): object {
  const text = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
  const [, json = ''] = /A policy for callers:\s+```json\n([^`]+)```/.exec(text) ?? [];
  const filled = json
    .replace('REGION', REGION)
    .replace('ACCOUNT', ACCOUNT)
    .replace('API_ID/STAGE', `${apiId}/${STAGE}`);
  return JSON.parse(filled) as object;
}

function senderPolicy({ Data }: StackOutputs): object {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: 's3:PutObject',
        Resource: `arn:aws:s3:::${Data['IngestBucketName']}/ingest/clinic/*`,
      },
      { Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: Data['KeyArn'] },
    ],
  };
}

/** Sets that `both` needs, and the folder of their engine. */
const PUSHED = { ts297: 'totalseg', ts298: 'totalseg', task008: 'nnunet_v1/nnUNet/3d_fullres' } as const;

/** Files first, the manifest last, as `hpb models push` does. */
async function pushWeights(store: S3ObjectStore): Promise<void> {
  const sets: Record<string, { files: Record<string, { bytes: number; sha256: string }> }> = {};
  for (const [id, root] of Object.entries(PUSHED)) {
    const files: Record<string, { bytes: number; sha256: string }> = {};
    for (const [path, content] of Object.entries(fakeSet(id as keyof typeof PUSHED))) {
      await store.put(`${MODELS_PREFIX}${root}/${path}`, content);
      const sha256 = createHash('sha256').update(content).digest('hex');
      files[`${root}/${path}`] = { bytes: Buffer.byteLength(content), sha256 };
    }
    sets[id] = { files };
  }
  await store.put(modelsManifestKey(), JSON.stringify({ schemaVersion: 1, kind: 'real', sets }));
}

async function listeningQueue(account: EmulatedAccount, topic: string): Promise<string> {
  const Endpoint = `arn:aws:sqs:${REGION}:${ACCOUNT}:announcements`;
  const Principal = { Service: 'sns.amazonaws.com' };
  const policy = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal, Action: 'sqs:SendMessage', Resource: Endpoint }],
  };
  const xml = await query(account, 'sqs', {
    Action: 'CreateQueue',
    QueueName: 'announcements',
    'Attribute.1.Name': 'Policy',
    'Attribute.1.Value': JSON.stringify(policy),
  });
  await query(account, 'sns', { Action: 'Subscribe', TopicArn: topic, Protocol: 'sqs', Endpoint });
  return elements(xml, 'QueueUrl')[0]!;
}

/** Takes what lies in a queue now: the bodies of its messages. */
export async function messagesIn(
  account: Pick<EmulatedAccount, 'endpoint'>,
  QueueUrl: string,
): Promise<readonly string[]> {
  const bodies: string[] = [];
  for (;;) {
    const xml = await query(account, 'sqs', {
      Action: 'ReceiveMessage',
      QueueUrl,
      MaxNumberOfMessages: '10',
    });
    const found = elements(xml, 'Body');
    if (found.length === 0) return bodies;
    bodies.push(...found);
    for (const ReceiptHandle of elements(xml, 'ReceiptHandle'))
      await query(account, 'sqs', { Action: 'DeleteMessage', QueueUrl, ReceiptHandle });
  }
}

/** Waits for what a check gives at last. */
export async function eventually<T>(what: string, check: () => Promise<T | null>): Promise<T> {
  for (const until = Date.now() + 60_000; Date.now() < until; await sleep(100)) {
    const found = await check();
    if (found !== null) return found;
  }
  throw new Error(`In a minute nothing came of: ${what}.`);
}

/** How a worker ended. */
export interface RanWorker {
  readonly exitCode: number | null;
  readonly printed: string;
}

/** Runs the worker of a shard as Batch would, in the role of the job definition, its engine a double. */
export function runWorker(
  service: DeployedService,
  jobId: JobId,
  { attempt = 1, shard = 1 } = {},
): Promise<RanWorker> {
  return runInRole(service, 'WorkerRole', ['--shard-key', shardKey(jobId, attempt, shard)]);
}

/** Runs a worker that unpacks (`take`) or publishes for a job as Batch would, in the role of its job definition. */
export function runServiceWorker(
  service: DeployedService,
  what: 'take' | 'publish',
  jobId: JobId,
): Promise<RanWorker> {
  return runInRole(service, 'CpuWorkerRole', [`--${what}`, jobId, '--attempt', '1']);
}

async function runInRole(
  { account, outputs }: DeployedService,
  roleId: string,
  args: readonly string[],
): Promise<RanWorker> {
  const folder = mkdtempSync(join(account.folder, 'worker-'));
  mkdirSync(join(folder, 'scratch'));
  const role = await inRole(account, await physicalName(account, `Hpb-${STAGE}-Compute`, roleId));
  const { exitCode, stdout, tail } = await runProcess({
    command: process.execPath,
    args: [join(ROOT, 'container/main.ts'), ...args],
    environment: {
      PATH: '/usr/bin:/bin',
      HPB_STAGE: STAGE,
      HPB_JOBS_BUCKET: outputs.Data['JobsBucketName']!,
      HPB_MODELS_BUCKET: outputs.Data['ModelsBucketName']!,
      HPB_VIEWER_BUCKET: outputs.Data['ViewerBucketName']!,
      HPB_DATA_ROOT: join(folder, 'scratch'),
      HPB_MODELS_ROOT: join(folder, 'models'),
      HPB_VENV: fakeVenv(folder, 'ok'),
      HPB_WEIGHTS: 'real',
      HPB_DEVICE: 'cpu',
      ...environmentOf(account, role),
    },
  });
  return { exitCode, printed: `${stdout}\n${tail.join('\n')}` };
}

const environmentOf = (account: EmulatedAccount, access: Access): Readonly<Record<string, string>> => ({
  AWS_REGION: REGION,
  AWS_ACCESS_KEY_ID: access.accessKeyId,
  AWS_SECRET_ACCESS_KEY: access.secretAccessKey,
  AWS_SESSION_TOKEN: access.sessionToken ?? '',
  AWS_ENDPOINT_URL: account.endpoint,
  NODE_EXTRA_CA_CERTS: account.certificate,
  // Nothing listens there: this machine is none of EC2's.
  AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9',
});
