import { Aws } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { FINISHED_EVENT } from '../../core/finished-document.ts';
import { INGEST_PREFIX, INGEST_REJECTED_PREFIX, MODELS_PREFIX, VIEWER_INDEX_KEY } from '../../core/layout.ts';
import { wildcard } from './acknowledge.ts';
import type { Rights } from './job-objects.ts';
import { VIEWER_PREFIX } from './viewer-bucket.ts';
import { metricNamespace } from '../../core/metrics.ts';
import type { ComputeStack } from '../compute-stack.ts';
import type { DataStack } from '../data-stack.ts';

/** ARN of something in the account and region of the deployment. */
export const ownArn = (service: string, resource: string): string =>
  `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`;

/** The event bus that hears of finished jobs; every account has it. */
export const EVENT_BUS = 'default';

const allow = (
  sid: string,
  actions: readonly string[],
  resources: readonly string[],
  conditions?: Readonly<Record<string, unknown>>,
): PolicyStatement =>
  new PolicyStatement({
    sid,
    actions: [...actions],
    resources: [...resources],
    ...(conditions === undefined ? {} : { conditions }),
  });

/** Use of the key of the buckets. */
export const useKey = ({ key }: DataStack): PolicyStatement =>
  allow('Key', ['kms:Decrypt', 'kms:GenerateDataKey'], [key.keyArn]);

/** Figures of our namespace. */
export const measure = (stage: string): PolicyStatement =>
  allow('Metrics', ['cloudwatch:PutMetricData'], ['*'], {
    StringEquals: { 'cloudwatch:namespace': metricNamespace(stage) },
  });

/** The ends of jobs. */
export const announce = (): PolicyStatement =>
  allow('Announce', ['events:PutEvents'], [ownArn('events', `event-bus/${EVENT_BUS}`)], {
    StringEquals: { 'events:source': FINISHED_EVENT.source },
  });

/** Cases put into the viewer, over an earlier publication of theirs, and into its list. */
export const publishToViewer = ({ viewerBucket }: DataStack): readonly PolicyStatement[] => [
  allow('ListPublished', ['s3:ListBucket'], [viewerBucket.bucketArn]),
  allow(
    'Publish',
    ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
    [viewerBucket.arnForObjects(`${VIEWER_PREFIX}*`)],
  ),
  allow('ListOfPublished', ['s3:GetObject', 's3:PutObject'], [viewerBucket.arnForObjects(VIEWER_INDEX_KEY)]),
];

/** What weights there are; that there are none is told only to who may list the bucket without condition. */
export const seeWeights = ({ modelsBucket }: DataStack): readonly PolicyStatement[] => [
  allow('ListWeights', ['s3:ListBucket'], [modelsBucket.bucketArn]),
  allow('WeightsManifest', ['s3:GetObject'], [modelsBucket.arnForObjects(`${MODELS_PREFIX}manifest.json`)]),
];

/** Which objects were dropped. */
export const seeDrops = ({ ingestBucket }: DataStack): PolicyStatement =>
  allow('ListDrops', ['s3:ListBucket'], [ingestBucket.bucketArn]);

/** Objects that were dropped: taken, or put aside. */
export const takeDrops = (data: DataStack): readonly PolicyStatement[] => [
  seeDrops(data),
  allow(
    'Drops',
    ['s3:GetObject', 's3:GetObjectTagging', 's3:DeleteObject'],
    [data.ingestBucket.arnForObjects(`${INGEST_PREFIX}*`)],
  ),
  allow(
    'Rejected',
    ['s3:PutObject', 's3:PutObjectTagging', 's3:AbortMultipartUpload'],
    [data.ingestBucket.arnForObjects(`${INGEST_REJECTED_PREFIX}*`)],
  ),
];

/** Messages of a queue. */
export const receive = ({ queueArn }: IQueue): PolicyStatement =>
  allow(
    'Dropped',
    ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ChangeMessageVisibility'],
    [queueArn],
  );

/** Executions of the workflow: started and looked at, and `stop`ped by those who end jobs. */
export function runWorkflow(machineName: string, ...more: readonly 'stop'[]): Rights {
  const executions = ownArn('states', `execution:${machineName}:*`);
  const actions = ['states:DescribeExecution', ...more.map(() => 'states:StopExecution')];
  return {
    statements: [
      allow('Start', ['states:StartExecution'], [ownArn('states', `stateMachine:${machineName}`)]),
      allow('Executions', actions, [executions]),
    ],
    wildcards: { [wildcard(executions)]: 'Executions are named after jobs.' },
  };
}

/** Where workers stand in their queues, and what they log. */
export const watchWorkers = (compute: ComputeStack): readonly PolicyStatement[] => [
  allow('Workers', ['batch:DescribeJobs', 'batch:ListJobs'], ['*']),
  allow(
    'Queues',
    ['batch:GetJobQueueSnapshot'],
    [compute.interactiveQueue, compute.bulkQueue, compute.cpuQueue].map(({ jobQueueArn }) => jobQueueArn),
  ),
  allow('WorkerLogs', ['logs:GetLogEvents'], [compute.workerLogGroup.logGroupArn]),
];
