import { z } from 'zod';
import type { QueuedMessages } from '../adapters/queued-messages.ts';
import { asHpbError } from '../core/errors.ts';
import { ingestObject, type DroppedObject } from '../core/use-cases/ingest-object.ts';
import type { ServicePorts } from '../core/use-cases/service-ports.ts';
import { droppedMessages } from './dropped-messages.ts';
import { ingestPorts } from './wire.ts';

/** What SQS hands over, in the fields that are read here. */
export interface QueueBatch {
  readonly Records: readonly {
    readonly messageId: string;
    readonly receiptHandle: string;
    readonly body: string;
    readonly attributes: { readonly ApproximateReceiveCount: string };
  }[];
}

/** Which messages are to come again; the others are done. */
export interface QueueAnswer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** `Object Created` of S3 by way of EventBridge; its key is not encoded. */
const objectCreated = z.object({
  source: z.literal('aws.s3'),
  detail: z.object({
    object: z.object({
      key: z.string(),
      size: z.int().min(0).default(0),
      etag: z.string(),
      'version-id': z.string().optional(),
    }),
  }),
});

/**
 * When a message that failed comes again, seconds, by how often it has been received: what passes by itself passes
 * soon or not for long. All together within six hours, as often as the queue lets it come.
 */
export const RETRY_SECONDS: readonly [number, ...number[]] = [60, 300, 900, 2_700, 5_400];

/**
 * Makes jobs of what was dropped into the ingest bucket. Events come at least once and in any order; one that fails
 * comes again, and after some times goes to the dead-letter queue.
 */
export const create =
  (ports: ServicePorts, messages: QueuedMessages) =>
  async ({ Records }: QueueBatch): Promise<QueueAnswer> => {
    const failed: string[] = [];
    for (const { messageId, receiptHandle, body, attributes } of Records) {
      try {
        await ingestObject(ports, droppedObject(body));
      } catch (thrown) {
        // Which message it was is for who reads the queue; the body holds a name of the caller's.
        ports.log.error('ingest:failed', { messageId, code: asHpbError(thrown).code });
        failed.push(messageId);
        // Where this fails too, it comes again when its visibility ends.
        await messages.comeAgain(receiptHandle, retrySeconds(attributes)).catch(() => undefined);
      }
    }
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };

function retrySeconds({
  ApproximateReceiveCount: received,
}: QueueBatch['Records'][number]['attributes']): number {
  return RETRY_SECONDS[Number(received) - 1] ?? RETRY_SECONDS.at(-1)!;
}

function droppedObject(body: string): DroppedObject {
  const { key, size, etag, 'version-id': version } = objectCreated.parse(JSON.parse(body)).detail.object;
  return { key, bytes: size, tag: version ?? etag };
}

/** What SQS calls. */
export const handler = create(await ingestPorts(), droppedMessages);
