import { Aws } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { FINISHED_EVENT } from '../../core/finished-document.ts';
import {
  INGEST_PREFIX,
  INGEST_REJECTED_PREFIX,
  JOBS_PREFIX,
  MODELS_PREFIX,
  VIEWER_INDEX_KEY,
} from '../../core/layout.ts';
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

/** What some functions do with objects of jobs beyond reading, writing and deleting them. */
const MORE_WORK = {
  /** Written in parts, which are given up when that fails. */
  large: ['s3:AbortMultipartUpload'],
  /** Tags go along with a copy. */
  copies: ['s3:GetObjectTagging', 's3:PutObjectTagging'],
  /** Put together from parts that callers have sent. */
  uploads: ['s3:ListMultipartUploadParts'],
} as const;

/** Documents, inputs and results of jobs. Who may not list is refused what is missing instead of being told so. */
export const workOnJobs = (
  { jobsBucket }: DataStack,
  ...more: readonly (keyof typeof MORE_WORK)[]
): readonly PolicyStatement[] => [
  allow('List', ['s3:ListBucket'], [jobsBucket.bucketArn]),
  allow(
    'Objects',
    ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', ...more.flatMap((work) => MORE_WORK[work])],
    [jobsBucket.arnForObjects('*')],
  ),
];

/** Below `jobs/` of the bucket: where failures of shards are kept. */
export const FAILURES = `${JOBS_PREFIX}*/failures/*`;

/** Shards read, and why one of them failed written. */
export const keepFailures = ({ jobsBucket }: DataStack): readonly PolicyStatement[] => [
  allow('List', ['s3:ListBucket'], [jobsBucket.bucketArn]),
  allow('Shards', ['s3:GetObject'], [jobsBucket.arnForObjects(`${JOBS_PREFIX}*`)]),
  allow('Failures', ['s3:PutObject'], [jobsBucket.arnForObjects(FAILURES)]),
];

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

/** What purging a job deletes for good: versions that were superseded or deleted before. */
export const eraseJobs = ({ jobsBucket }: DataStack): readonly PolicyStatement[] => [
  allow('ListVersions', ['s3:ListBucketVersions'], [jobsBucket.bucketArn]),
  allow('Versions', ['s3:DeleteObjectVersion'], [jobsBucket.arnForObjects('*')]),
];

/** What weights there are. */
export const seeWeights = ({ modelsBucket }: DataStack): readonly PolicyStatement[] => [
  allow('ListWeights', ['s3:ListBucket'], [modelsBucket.bucketArn], {
    StringLike: { 's3:prefix': `${MODELS_PREFIX}*` },
  }),
  allow('WeightsManifest', ['s3:GetObject'], [modelsBucket.arnForObjects(`${MODELS_PREFIX}manifest.json`)]),
];

/** Objects that were dropped: taken, or put aside. */
export const takeDrops = ({ ingestBucket }: DataStack): readonly PolicyStatement[] => [
  allow('ListDrops', ['s3:ListBucket'], [ingestBucket.bucketArn]),
  allow(
    'Drops',
    ['s3:GetObject', 's3:GetObjectTagging', 's3:DeleteObject'],
    [ingestBucket.arnForObjects(`${INGEST_PREFIX}*`)],
  ),
  allow(
    'Rejected',
    ['s3:PutObject', 's3:PutObjectTagging', 's3:AbortMultipartUpload'],
    [ingestBucket.arnForObjects(`${INGEST_REJECTED_PREFIX}*`)],
  ),
];

/** Executions of the workflow: started, looked at, stopped. */
export const runWorkflow = (machineName: string): readonly PolicyStatement[] => [
  allow('Start', ['states:StartExecution'], [ownArn('states', `stateMachine:${machineName}`)]),
  allow(
    'Executions',
    ['states:DescribeExecution', 'states:StopExecution'],
    [ownArn('states', `execution:${machineName}:*`)],
  ),
];

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
