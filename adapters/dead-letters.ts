import {
  GetQueueAttributesCommand,
  ListMessageMoveTasksCommand,
  type SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { awsError } from './aws-error.ts';

/** A move of dead letters, as far as it has come. */
export interface MoveTask {
  readonly isRunning: boolean;
  readonly hasFailed: boolean;
  readonly moved: number;
  readonly reason: string | null;
}

/** Dead letters of a queue, and their way back into it. All throw SERVICE_UNREACHABLE. */
export interface DeadLetters {
  /** Messages that wait in both queues; SQS counts approximately. */
  counts(): Promise<{ readonly deadLetters: number; readonly queue: number }>;
  startMove(): Promise<void>;
  /** The latest move; null when there has been none of late. */
  latestMove(): Promise<MoveTask | null>;
}

/** The two queues. */
export interface DeadLettersPlace {
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly deadLettersUrl: string;
  readonly deadLettersArn: string;
}

/** Dead letters in SQS, which moves them itself. */
export class SqsDeadLetters implements DeadLetters {
  readonly #client: SQSClient;
  readonly #place: DeadLettersPlace;

  constructor(client: SQSClient, place: DeadLettersPlace) {
    this.#client = client;
    this.#place = place;
  }

  async counts(): Promise<{ readonly deadLetters: number; readonly queue: number }> {
    const { queueUrl, deadLettersUrl } = this.#place;
    const [deadLetters, queue] = await Promise.all([this.#count(deadLettersUrl), this.#count(queueUrl)]);
    return { deadLetters, queue };
  }

  async startMove(): Promise<void> {
    const command = new StartMessageMoveTaskCommand({
      SourceArn: this.#place.deadLettersArn,
      // Events that EventBridge could not deliver lie there too, and come from no queue that SQS knows of.
      DestinationArn: this.#place.queueArn,
    });
    await this.#client.send(command).catch(sqsError);
  }

  async latestMove(): Promise<MoveTask | null> {
    const query = new ListMessageMoveTasksCommand({ SourceArn: this.#place.deadLettersArn, MaxResults: 1 });
    const { Results = [] } = await this.#client.send(query).catch(sqsError);
    const task = Results[0];
    if (task === undefined) return null;
    return {
      isRunning: task.Status === 'RUNNING' || task.Status === 'CANCELLING',
      hasFailed: task.Status === 'FAILED' || task.Status === 'CANCELLED',
      moved: task.ApproximateNumberOfMessagesMoved ?? 0,
      reason: task.FailureReason ?? null,
    };
  }

  async #count(url: string): Promise<number> {
    const query = new GetQueueAttributesCommand({
      QueueUrl: url,
      AttributeNames: ['ApproximateNumberOfMessages'],
    });
    const { Attributes = {} } = await this.#client.send(query).catch(sqsError);
    return Number(Attributes['ApproximateNumberOfMessages'] ?? 0);
  }
}

function sqsError(thrown: unknown): never {
  throw awsError('SQS', thrown);
}
