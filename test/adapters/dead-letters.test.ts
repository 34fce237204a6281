import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { HttpResponse } from '@smithy/core/transport';
import { describe, expect, it } from 'vitest';
import { SqsDeadLetters } from '../../adapters/dead-letters.ts';
import { clientOptions, ministack, moto, uniqueName } from '../fixtures/emulators.ts';

const emulators = { MiniStack: ministack, moto } as const;

/** A queue with dead letters in their own. */
async function queues(emulator: keyof typeof emulators, bodies: readonly string[]) {
  const client = new SQSClient(clientOptions(await emulators[emulator]()));
  const create = async (Attributes: Record<string, string>): Promise<{ url: string; arn: string }> => {
    const { QueueUrl } = await client.send(
      new CreateQueueCommand({ QueueName: uniqueName('queue'), Attributes }),
    );
    const query = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] });
    return { url: QueueUrl!, arn: (await client.send(query)).Attributes!['QueueArn']! };
  };
  const dead = await create({});
  const policy = { deadLetterTargetArn: dead.arn, maxReceiveCount: 1 };
  const queue = await create({ RedrivePolicy: JSON.stringify(policy), VisibilityTimeout: '0' });
  // A message becomes a dead letter when it is asked for once more than it may be.
  const send = (MessageBody: string) =>
    client.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody }));
  for (const body of bodies) await send(body);
  const query = new ReceiveMessageCommand({ QueueUrl: queue.url, MaxNumberOfMessages: 10 });
  await client.send(query);
  await client.send(query);
  const place = {
    queueUrl: queue.url,
    queueArn: queue.arn,
    deadLettersUrl: dead.url,
    deadLettersArn: dead.arn,
  };
  return { letters: new SqsDeadLetters(client, place), send };
}

describe.each(['MiniStack', 'moto'] as const)('dead letters in %s', (emulator) => {
  it('are counted, and so is what waits in the queue itself', async () => {
    const { letters, send } = await queues(emulator, ['a', 'b', 'c']);
    await send('d');

    await expect.poll(() => letters.counts()).toEqual({ deadLetters: 3, queue: 1 });
  });
});

/** SQS as its API reference has it; no emulator at hand can move messages. */
function movingSqs(answers: Readonly<Record<string, object>>) {
  const asked: { readonly action: string; readonly body: unknown }[] = [];
  const handle = async (request: { headers: Record<string, string>; body: Uint8Array }) => {
    const action = request.headers['x-amz-target']!.replace('AmazonSQS.', '');
    asked.push({ action, body: JSON.parse(new TextDecoder().decode(request.body)) });
    const headers = { 'content-type': 'application/x-amz-json-1.0' };
    const body = Buffer.from(JSON.stringify(answers[action]));
    return { response: new HttpResponse({ statusCode: 200, headers, body }) };
  };
  const client = new SQSClient({ ...CLIENT, requestHandler: { handle } as never });
  return { asked, letters: new SqsDeadLetters(client, PLACE) };
}

const CLIENT = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
const PLACE = {
  queueUrl: 'https://sqs/queue',
  queueArn: 'arn:aws:sqs:us-east-1:123456789012:queue',
  deadLettersUrl: 'https://sqs/dead',
  deadLettersArn: 'arn:aws:sqs:us-east-1:123456789012:dead',
};

describe('a move of dead letters', () => {
  it('goes to the queue by name: what EventBridge could not deliver came from no queue', async () => {
    const { asked, letters } = movingSqs({ StartMessageMoveTask: { TaskHandle: 'handle' } });

    await letters.startMove();

    expect(asked).toEqual([
      {
        action: 'StartMessageMoveTask',
        body: { SourceArn: PLACE.deadLettersArn, DestinationArn: PLACE.queueArn },
      },
    ]);
  });

  it.each([
    ['RUNNING', { isRunning: true, hasFailed: false }],
    ['CANCELLING', { isRunning: true, hasFailed: false }],
    ['COMPLETED', { isRunning: false, hasFailed: false }],
    ['CANCELLED', { isRunning: false, hasFailed: true }],
    ['FAILED', { isRunning: false, hasFailed: true }],
  ])('that SQS calls %s is read as %o', async (Status, expected) => {
    const task = { Status, ApproximateNumberOfMessagesMoved: 7, FailureReason: 'AccessDenied' };
    const { letters } = movingSqs({ ListMessageMoveTasks: { Results: [task] } });

    expect(await letters.latestMove()).toEqual({ ...expected, moved: 7, reason: 'AccessDenied' });
  });

  it('there has never been one of is null', async () => {
    expect(await movingSqs({ ListMessageMoveTasks: {} }).letters.latestMove()).toBeNull();
  });
});
