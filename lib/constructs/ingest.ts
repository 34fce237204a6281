import { Duration } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption, type IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { INGEST_PREFIX } from '../../core/layout.ts';
import type { StageConfig } from '../config/read-config.ts';
import type { DataStack } from '../data-stack.ts';
import { acknowledge } from './acknowledge.ts';
import type { HandlerFunction } from './handler-function.ts';

/** Longest time of the function; a message is hidden for six times as long, as Lambda asks for. */
export const INGEST_SECONDS = 900;
const VISIBILITY_SECONDS = 6 * INGEST_SECONDS;
/** Tries of a message before it becomes a dead letter: about six hours by the pauses of lambdas/ingest.ts. */
const MAX_RECEIVES = 8;
/** Objects that become jobs at once: copies are made by S3, and starts are bounded by Step Functions. */
const MAX_CONCURRENCY = 5;

export interface DroppedQueueProps {
  readonly key: IKey;
}

/** The queue between the events of the ingest bucket and the function, and its dead letters. */
export class DroppedQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { key }: DroppedQueueProps) {
    super(scope, id);
    this.deadLetters = encryptedQueue(this, 'DeadLetters', key);
    this.queue = encryptedQueue(this, 'Queue', key, {
      visibilitySeconds: VISIBILITY_SECONDS,
      deadLetters: this.deadLetters,
    });
    acknowledge(this.deadLetters, {
      'AwsSolutions-SQS3': 'It is where dead letters go.',
    });
  }
}

/** A queue under our key, over TLS only, whose messages last two weeks. */
export function encryptedQueue(
  scope: Construct,
  id: string,
  key: IKey,
  options: { readonly visibilitySeconds?: number; readonly deadLetters?: IQueue } = {},
): Queue {
  const { visibilitySeconds = 30, deadLetters } = options;
  return new Queue(scope, id, {
    encryption: QueueEncryption.KMS,
    encryptionMasterKey: key,
    dataKeyReuse: Duration.hours(1),
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
    visibilityTimeout: Duration.seconds(visibilitySeconds),
    ...(deadLetters === undefined
      ? {}
      : { deadLetterQueue: { queue: deadLetters, maxReceiveCount: MAX_RECEIVES } }),
  });
}

export interface IngestProps {
  readonly config: StageConfig;
  readonly data: DataStack;
  readonly dropped: DroppedQueue;
  readonly handler: HandlerFunction;
}

/** Objects that are dropped into the ingest bucket become jobs: S3, EventBridge, queue, function. */
export class Ingest extends Construct {
  constructor(scope: Construct, id: string, { config, data, dropped, handler }: IngestProps) {
    super(scope, id);
    const { queue, deadLetters } = dropped;
    const folders =
      config.ingestSources.length === 0
        ? [INGEST_PREFIX]
        : config.ingestSources.map((source) => `${INGEST_PREFIX}${source}/`);
    new Rule(this, 'Dropped', {
      description: 'An object was dropped into the ingest bucket',
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: {
          bucket: { name: [data.ingestBucket.bucketName] },
          object: { key: folders.map((prefix) => ({ prefix })) },
        },
      },
      targets: [new SqsQueue(queue, { deadLetterQueue: deadLetters })],
    });
    new EventSourceMapping(this, 'Messages', {
      target: handler,
      eventSourceArn: queue.queueArn,
      // A large folder takes minutes: two of them must not share the time of one call.
      batchSize: 1,
      maxConcurrency: MAX_CONCURRENCY,
      reportBatchItemFailures: true,
    });
  }
}
