import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
} from '@aws-sdk/client-sfn';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { WORKER_EXIT } from '../../core/errors.ts';
import { executionName, shardKey, type JobId } from '../../core/layout.ts';
import type { JobAnswer, SegmentTarget } from '../../core/requests.ts';
import { smallCt } from '../container/worker-bench.ts';
import { uniqueName } from '../fixtures/emulators.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { eventually, runWorker, type DeployedService } from './deployed-service.ts';
import { MACHINE } from './deployed-stacks.ts';
import { elements, query, type MockedAnswer } from './emulated-account.ts';

/** Of a second that the workflow waits: its tries to reach Batch then last as long as a worker takes here. */
export const WAIT_SCALE = 0.1;
/** Batch is asked too often: the workflow waits and asks again, until it is told something else. */
export const WAITING: MockedAnswer = { Throw: { Error: 'Batch.TooManyRequestsException', Cause: '{}' } };
/** What Batch says of a worker that has ended well. */
export const WORKER_DONE: MockedAnswer = { Return: { Status: 'SUCCEEDED' } };
/** Of one whose GPU failed. */
export const WORKER_BROKEN: MockedAnswer = {
  Throw: {
    Error: 'States.TaskFailed',
    Cause: JSON.stringify({
      JobId: 'one',
      Container: { ExitCode: WORKER_EXIT.deviceFault, LogStreamName: 'worker/default/one' },
    }),
  },
};
/** When it did not end in time. */
export const WORKER_LATE: MockedAnswer = { Throw: { Error: 'States.Timeout', Cause: '{}' } };

/** A CT that the engine's double segments, gzipped. */
export async function ctFile(): Promise<Buffer> {
  const path = join(tempFolder(), 'ct.nii.gz');
  await writeNifti(path, smallCt());
  return readFileSync(path);
}

/** Opens an upload, sends the bytes by its signed link, and submits it. */
export async function submitted(
  { caller }: DeployedService,
  file: { readonly name: string; readonly body: Buffer },
  target: SegmentTarget = 'liver',
): Promise<JobId> {
  const { body, name } = file;
  const sha256 = createHash('sha256').update(body).digest('hex');
  const { uploadId, put } = await caller.openUpload({ fileName: name, sizeBytes: body.length, sha256 });
  const sent = await fetch(put!.url, { method: put!.method, headers: put!.headers, body });
  if (!sent.ok) throw new Error(`The signed upload was answered ${sent.status}: ${await sent.text()}`);
  // An archive goes into the viewer too.
  const model = target === 'batch' ? { model: 'liver' as const, publish: true } : {};
  const { jobId } = await caller.submit(target, { uploadId, ...model }, uniqueName('key'));
  return jobId;
}

/** The job once it is over, however it ended. */
export function ended({ caller }: DeployedService, jobId: JobId): Promise<JobAnswer> {
  return eventually(`the end of ${jobId}`, async () => {
    const job = await caller.job(jobId);
    return job.endedAt === null ? null : job;
  });
}

/** Lets Batch wait, runs the worker of the one shard of a job, and lets Batch say that it is done. */
export async function worked(
  service: DeployedService,
  submit: () => Promise<JobId>,
): Promise<{ readonly jobId: JobId; readonly job: JobAnswer; readonly printed: string }> {
  const { account, jobs } = service;
  await account.mock(MACHINE, { RunShard: WAITING });
  const jobId = await submit();
  await eventually(`the shard of ${jobId}`, () => jobs.head(shardKey(jobId, 1, 1)));
  const { exitCode, printed } = await runWorker(service, jobId);
  if (exitCode !== 0) throw new Error(`The worker ended with ${exitCode}:\n${printed}`);
  // MiniStack repeats the answer that it began with, until its tries are over: let them be over.
  await account.mock(MACHINE, { RunShard: WORKER_DONE });
  await account.scaleWaits(0);
  const job = await ended(service, jobId);
  await account.scaleWaits(WAIT_SCALE);
  return { jobId, job, printed };
}

/** Drops an object as the sender does; gives its facts as its event names them. */
export async function dropped(
  { sender, outputs }: DeployedService,
  name: string,
  Body: Buffer | string,
): Promise<{ readonly key: string; readonly bytes: number; readonly tag: string }> {
  const key = `ingest/clinic/${name}`;
  const Bucket = outputs.Data['IngestBucketName']!;
  const { VersionId: tag = '' } = await sender.send(new PutObjectCommand({ Bucket, Key: key, Body }));
  return { key, bytes: Buffer.byteLength(Body), tag };
}

/** Keys of what lies in the ingest bucket below a prefix. */
export async function droppedKeys(
  { administrator, outputs }: DeployedService,
  Prefix: string,
): Promise<readonly string[]> {
  const Bucket = outputs.Data['IngestBucketName']!;
  const { Contents = [] } = await administrator.s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
  return Contents.map(({ Key }) => Key!);
}

/** For how many seconds a message stays out of sight that the function could not take. */
export async function visibleAfter({ account, outputs }: DeployedService, seconds: number): Promise<void> {
  await query(account, 'sqs', {
    Action: 'SetQueueAttributes',
    QueueUrl: outputs.Service['IngestQueueUrl']!,
    'Attribute.1.Name': 'VisibilityTimeout',
    'Attribute.1.Value': String(seconds),
  });
}

/** Names of all executions so far. */
export async function executions({ administrator, outputs }: DeployedService): Promise<readonly string[]> {
  const stateMachineArn = outputs.Service['StateMachineArn']!;
  const { executions: found = [] } = await administrator.sfn.send(
    new ListExecutionsCommand({ stateMachineArn, maxResults: 1_000 }),
  );
  return found.map(({ name }) => name!);
}

/** How an execution went: its status, its error and cause, and the states it has entered, in order. */
export async function walked(
  { administrator, outputs }: DeployedService,
  jobId: JobId,
): Promise<{
  readonly status: string;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  readonly states: readonly string[];
}> {
  const machine = outputs.Service['StateMachineArn']!.replace(':stateMachine:', ':execution:');
  const executionArn = `${machine}:${executionName(jobId, 1)}`;
  // The job is final a moment before its execution is.
  const described = await eventually(`the end of the execution of ${jobId}`, async () => {
    const facts = await administrator.sfn.send(new DescribeExecutionCommand({ executionArn }));
    return facts.status === 'RUNNING' ? null : facts;
  });
  const { events = [] } = await administrator.sfn.send(
    new GetExecutionHistoryCommand({ executionArn, maxResults: 1_000 }),
  );
  const states = events.flatMap(({ stateEnteredEventDetails: entered }) => entered?.name ?? []);
  const { error, cause } = described;
  return { status: described.status!, error, cause, states };
}

/** Messages of a queue that wait and those that somebody works on. */
export async function waiting({ account }: DeployedService, QueueUrl: string): Promise<number> {
  const xml = await query(account, 'sqs', {
    Action: 'GetQueueAttributes',
    QueueUrl,
    'AttributeName.1': 'All',
  });
  const [names, values] = [elements(xml, 'Name'), elements(xml, 'Value')];
  return ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'].reduce(
    (sum, name) => sum + Number(values[names.indexOf(name)] ?? 0),
    0,
  );
}

/** Puts a message into a queue. */
export async function sent(
  { account }: DeployedService,
  QueueUrl: string,
  body: object | string,
): Promise<void> {
  const MessageBody = typeof body === 'string' ? body : JSON.stringify(body);
  await query(account, 'sqs', { Action: 'SendMessage', QueueUrl, MessageBody });
}
