import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { expect, it } from 'vitest';
import { SqsMessages } from '../../adapters/queued-messages.ts';
import { clientOptions, ministack, moto, uniqueName } from '../fixtures/emulators.ts';

const emulators = { MiniStack: ministack, moto } as const;

async function queueWithMessage(emulator: keyof typeof emulators, VisibilityTimeout: string) {
  const client = new SQSClient(clientOptions(await emulators[emulator]()));
  const { QueueUrl } = await client.send(
    new CreateQueueCommand({ QueueName: uniqueName('queue'), Attributes: { VisibilityTimeout } }),
  );
  await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'dropped' }));
  const receive = async () => {
    const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
    return Messages[0] ?? null;
  };
  return { messages: new SqsMessages(client, QueueUrl!), receive };
}

it.each(['MiniStack', 'moto'] as const)(
  'a message in %s comes again when it is told to, not when its visibility ends',
  async (emulator) => {
    const { messages, receive } = await queueWithMessage(emulator, '3600');
    const first = await receive();
    expect(await receive()).toBeNull();

    await messages.comeAgain(first!.ReceiptHandle!, 1);
    expect(await receive()).toBeNull();
    await sleep(1_200);
    expect((await receive())?.Body).toBe('dropped');
  },
);

it('of a handle that is none says so', async () => {
  const { messages } = await queueWithMessage('MiniStack', '30');

  await expect(messages.comeAgain('none', 1)).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
});
