import { ChangeMessageVisibilityCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { awsError } from './aws-error.ts';

/** Messages that were received from a queue and not deleted. */
export interface QueuedMessages {
  /**
   * Lets one come again after so many seconds (0 to 43,200 since it was received) instead of when its visibility ends.
   *
   * @throws HpbError SERVICE_UNREACHABLE.
   */
  comeAgain(receiptHandle: string, afterSeconds: number): Promise<void>;
}

/** Messages of a queue of SQS. */
export class SqsMessages implements QueuedMessages {
  readonly #client: SQSClient;
  readonly #queueUrl: string;

  constructor(client: SQSClient, queueUrl: string) {
    this.#client = client;
    this.#queueUrl = queueUrl;
  }

  async comeAgain(receiptHandle: string, afterSeconds: number): Promise<void> {
    const command = new ChangeMessageVisibilityCommand({
      QueueUrl: this.#queueUrl,
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: afterSeconds,
    });
    await this.#client.send(command).catch((thrown: unknown) => {
      throw awsError('SQS', thrown);
    });
  }
}
