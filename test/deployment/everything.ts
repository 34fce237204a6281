import { ListMetricsCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeLogGroupsCommand, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { GetObjectCommand, ListBucketsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
} from '@aws-sdk/client-sfn';
import type { DeployedService } from './deployed-service.ts';

/** Text that somebody else than the caller could read, by where it was found. */
export type Found = Readonly<Record<'keys' | 'executions' | 'logs' | 'metrics', string>>;

/** All that a deployment has left behind, but what stands inside of objects and messages. */
export async function everything(service: DeployedService): Promise<Found> {
  const [keys, executions, logs, metrics] = await Promise.all([
    objectKeys(service),
    executionTexts(service),
    logLines(service),
    metricNames(service),
  ]);
  return { keys, executions, logs, metrics };
}

/** Keys of all objects of all buckets. */
async function objectKeys({ administrator: { s3 } }: DeployedService): Promise<string> {
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  const lists = await Promise.all(
    Buckets.map(async ({ Name: Bucket }) => {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
      return Contents.map(({ Key }) => `${Bucket}/${Key}`);
    }),
  );
  return lists.flat().join('\n');
}

/** Executions and the children of their maps: as they are described, and event by event. */
async function executionTexts({ administrator: { sfn }, outputs }: DeployedService): Promise<string> {
  const stateMachineArn = outputs.Service['StateMachineArn']!;
  const { executions = [] } = await sfn.send(
    new ListExecutionsCommand({ stateMachineArn, maxResults: 1_000 }),
  );
  const texts: string[] = [];
  const tell = async (executionArn: string): Promise<void> => {
    const described = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    const { events } = await sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1_000 }));
    texts.push(JSON.stringify([described, events]));
  };
  for (const { executionArn } of executions) {
    await tell(executionArn!);
    const { mapRuns = [] } = await sfn.send(new ListMapRunsCommand({ executionArn }));
    for (const { mapRunArn } of mapRuns) {
      const { executions: children = [] } = await sfn.send(new ListExecutionsCommand({ mapRunArn }));
      for (const child of children) await tell(child.executionArn!);
    }
  }
  return texts.join('\n');
}

async function logLines({ administrator: { logs } }: DeployedService): Promise<string> {
  const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({}));
  const lists = await Promise.all(
    logGroups.map(async ({ logGroupName }) => {
      const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName }));
      return events.map(({ message }) => `${logGroupName}: ${message}`);
    }),
  );
  return lists.flat().join('\n');
}

async function metricNames({ administrator: { metrics } }: DeployedService): Promise<string> {
  const { Metrics = [] } = await metrics.send(new ListMetricsCommand({}));
  return JSON.stringify(Metrics);
}

/** Documents and packages of a job in which names of the caller's are to be. */
const CALLERS_OWN = /\/(request|cases|upload|manifest)\.json$|\/input(\.nii\.gz)?$|\/results\.zip$|\/files\//;

/** What stands in the objects of the jobs bucket that are nobody's answer, and in all of the viewer bucket. */
export async function innerDocuments(service: DeployedService): Promise<string> {
  const { Data } = service.outputs;
  const texts = [Data['JobsBucketName']!, Data['ViewerBucketName']!].map((name) =>
    documentsIn(service, name),
  );
  return (await Promise.all(texts)).join('\n');
}

async function documentsIn({ administrator: { s3 } }: DeployedService, Bucket: string): Promise<string> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
  const texts: string[] = [];
  for (const { Key = '' } of Contents.filter((one) => !CALLERS_OWN.test(one.Key!))) {
    // Marks of the index move on with the jobs of other tests.
    const found = await s3.send(new GetObjectCommand({ Bucket, Key })).catch(() => null);
    if (found !== null) texts.push(`${Key}: ${await found.Body!.transformToString('latin1')}`);
  }
  return texts.join('\n');
}
