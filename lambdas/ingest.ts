import { z } from 'zod';
import { asHpbError } from '../core/errors.ts';
import { ingestObject, type DroppedObject } from '../core/use-cases/ingest-object.ts';
import type { ServicePorts } from '../core/use-cases/service-ports.ts';
import { ingestPorts } from './wire.ts';

/** What SQS hands over, in the fields that are read here. */
export interface QueueBatch {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[];
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
 * Makes jobs of what was dropped into the ingest bucket. Events come at least once and in any order; one that fails
 * comes again, and after some times goes to the dead-letter queue.
 */
export const create =
  (ports: ServicePorts) =>
  async ({ Records }: QueueBatch): Promise<QueueAnswer> => {
    const failed: string[] = [];
    for (const { messageId, body } of Records) {
      try {
        await ingestObject(ports, droppedObject(body));
      } catch (thrown) {
        // Which message it was is for who reads the queue; the body holds a name of the caller's.
        ports.log.error('ingest:failed', { messageId, code: asHpbError(thrown).code });
        failed.push(messageId);
      }
    }
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };

function droppedObject(body: string): DroppedObject {
  const { key, size, etag, 'version-id': version } = objectCreated.parse(JSON.parse(body)).detail.object;
  return { key, bytes: size, tag: version ?? etag };
}

/** What SQS calls. */
export const handler = create(await ingestPorts());
