import type { QueuedMessages } from '../adapters/queued-messages.ts';
import { deployed } from './environment.ts';

/** Messages of the queue that the function of ingestion takes from; apart from other ports, for no other needs SQS. */
export const droppedMessages: QueuedMessages = {
  comeAgain: async (receiptHandle, afterSeconds) => {
    const { HPB_INGEST_QUEUE_URL: queueUrl } = deployed('HPB_INGEST_QUEUE_URL');
    const [{ SQSClient }, { SqsMessages }] = await Promise.all([
      import('@aws-sdk/client-sqs'),
      import('../adapters/queued-messages.ts'),
    ]);
    await new SqsMessages(new SQSClient({}), queueUrl).comeAgain(receiptHandle, afterSeconds);
  },
};
