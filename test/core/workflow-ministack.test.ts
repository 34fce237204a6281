import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { LOCAL_SUBSTITUTIONS } from '../../adapters/local-states.ts';
import { workflowDefinition } from '../../adapters/workflow-definition.ts';
import { clientOptions, ministack, uniqueName } from '../fixtures/emulators.ts';
import { INPUT, JOB, plan, prepared, published } from '../fixtures/workflow-run.ts';

/** What a mocked state answers, attempt after attempt. */
type Mock =
  { readonly Return: unknown } | { readonly Throw: { readonly Error: string; readonly Cause: string } };

const answers = (Payload: unknown): Mock => ({ Return: { StatusCode: 200, Payload } });
const fails = (Error: string): Mock => ({ Throw: { Error, Cause: '{}' } });
const FAILED = answers({ jobId: JOB, attempt: 1, code: 'JOB_CODE', message: 'The reason.' });
const DONE: Mock = { Return: { Status: 'SUCCEEDED' } };

/** Starts the deployed file in MiniStack's interpreter: its own Map and reader over its S3, tasks mocked. */
async function start(mocks: Readonly<Record<string, Mock>>, shards = 2) {
  const emulator = await ministack();
  const s3 = new S3Client({ ...clientOptions(emulator), forcePathStyle: true });
  const sfn = new SFNClient(clientOptions(emulator));
  const [Bucket, name] = [uniqueName('jobs'), uniqueName('workflow')];
  await s3.send(new CreateBucketCommand({ Bucket }));
  const Body = JSON.stringify(plan(shards));
  await s3.send(new PutObjectCommand({ Bucket, Key: prepared().planKey, Body }));
  const definition = workflowDefinition({ ...LOCAL_SUBSTITUTIONS, Partition: 'aws', JobsBucket: Bucket });
  const { stateMachineArn } = await sfn.send(
    new CreateStateMachineCommand({
      name,
      definition: JSON.stringify(definition),
      roleArn: 'arn:aws:iam::000000000000:role/any',
    }),
  );
  const MockedResponses = Object.fromEntries(
    Object.entries(mocks).map(([state, mock]) => [`${name}-${state}`, { '0': mock }]),
  );
  const states = Object.fromEntries(Object.keys(mocks).map((state) => [state, `${name}-${state}`]));
  const config = { StateMachines: { [name]: { TestCases: { Walk: states } } }, MockedResponses };
  await fetch(`${emulator.endpoint}/_ministack/config`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ 'stepfunctions._sfn_mock_config': config }),
  });
  const { executionArn } = await sfn.send(
    new StartExecutionCommand({ stateMachineArn: `${stateMachineArn}#Walk`, input: JSON.stringify(INPUT) }),
  );
  return { sfn, executionArn: executionArn! };
}

/** Runs it to its end. */
async function run(mocks: Readonly<Record<string, Mock>>, shards?: number) {
  const { sfn, executionArn } = await start(mocks, shards);
  for (const until = Date.now() + 60_000; ; await sleep(50)) {
    const { status, error, output } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (status !== 'RUNNING') return { status, error, output: JSON.parse(output ?? 'null') as unknown };
    if (Date.now() > until) throw new Error('The execution did not end.');
  }
}

describe("the file in MiniStack's interpreter", () => {
  it('runs every shard and publishes', async () => {
    const { status, output } = await run({
      PrepareJob: answers(prepared()),
      RunShard: DONE,
      PublishResults: answers(published('SUCCEEDED')),
    });

    expect({ status, output }).toEqual({ status: 'SUCCEEDED', output: published('SUCCEEDED') });
  });

  it('goes on when shards die, and fails with the code of the outcome', async () => {
    const { status, error } = await run({
      PrepareJob: answers(prepared()),
      RunShard: fails('States.TaskFailed'),
      RecordShardFailure: answers(null),
      PublishResults: answers(published('FAILED')),
    });

    expect({ status, error }).toEqual({ status: 'FAILED', error: 'NO_CASE_SUCCEEDED' });
  });

  it('fails with the recorded code when the input is bad', async () => {
    const { status, error } = await run({ PrepareJob: fails('ARCHIVE_UNSAFE'), FailJob: FAILED });

    expect({ status, error }).toEqual({ status: 'FAILED', error: 'JOB_CODE' });
  });

  it('fails with the recorded code when publishing fails', async () => {
    const { status, error } = await run({
      PrepareJob: answers(prepared()),
      RunShard: DONE,
      PublishResults: fails('DISK_FULL'),
      FailJob: FAILED,
    });

    expect({ status, error }).toEqual({ status: 'FAILED', error: 'JOB_CODE' });
  });

  it('goes on when a shard has had all its time, and fails when the preparation has', async () => {
    const recorded = await run({
      PrepareJob: answers(prepared()),
      RunShard: fails('States.Timeout'),
      RecordShardFailure: answers(null),
      PublishResults: answers(published('PARTIAL')),
    });
    const unprepared = await run({ PrepareJob: fails('States.Timeout'), FailJob: FAILED });

    expect(recorded).toMatchObject({ status: 'SUCCEEDED', output: published('PARTIAL') });
    expect([unprepared.status, unprepared.error]).toEqual(['FAILED', 'JOB_CODE']);
  });

  it.each([
    ['UnpackArchive', { route: 'unpack' }],
    ['PublishLargeResults', { publisher: 'worker', shards: 1 }],
  ] as const)('tells FailJob that it was a worker that failed: %s', async (state, how) => {
    const { sfn, executionArn } = await start({
      PrepareJob: answers(prepared(how)),
      RunShard: DONE,
      [state]: fails('States.Timeout'),
      FailJob: FAILED,
    });
    const entered = async (): Promise<unknown> => {
      const { events = [] } = await sfn.send(new GetExecutionHistoryCommand({ executionArn }));
      const [failed] = events.flatMap(({ stateEnteredEventDetails: of }) =>
        of?.name === 'FailJob' ? [of] : [],
      );
      return failed === undefined ? null : JSON.parse(failed.input!);
    };

    await expect
      .poll(entered, { timeout: 60_000 })
      .toMatchObject({ failure: { Error: 'States.Timeout', ofWorker: true } });
  });

  it('takes the routes over workers, and ends without a record when failing fails', async () => {
    const { status, error } = await run({
      PrepareJob: answers(prepared({ route: 'unpack' })),
      UnpackArchive: DONE,
      PlanUnpackedCases: answers(prepared({ publisher: 'worker' })),
      RunShard: DONE,
      PublishLargeResults: fails('States.TaskFailed'),
      FailJob: fails('UNEXPECTED'),
    });

    expect({ status, error }).toEqual({ status: 'FAILED', error: 'States.TaskFailed' });
  });

  it('ends as aborted when it is cancelled, and what its steps still answer changes nothing', async () => {
    // It waits for the next attempt of its first step when the cancel comes.
    const { sfn, executionArn } = await start({ PrepareJob: fails('STORE_UNAVAILABLE'), FailJob: FAILED });
    const steps = async (): Promise<readonly (string | undefined)[]> =>
      (await sfn.send(new GetExecutionHistoryCommand({ executionArn }))).events!.map(({ type }) => type);
    await expect.poll(steps).toContain('TaskFailed');

    await sfn.send(
      new StopExecutionCommand({ executionArn, error: 'CANCELLED', cause: 'It was cancelled.' }),
    );
    await sleep(2_500);

    const { status, error, output } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    expect({ status, error, output }).toEqual({ status: 'ABORTED', error: 'CANCELLED', output: undefined });
    expect(await steps()).not.toContain('ExecutionFailed');
  });
});
