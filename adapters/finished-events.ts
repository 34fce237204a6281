import { PutEventsCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { HpbError } from '../core/errors.ts';
import { FINISHED_EVENT, finishedDocument } from '../core/finished-document.ts';
import type { JobDocument } from '../core/job.ts';
import { awsError } from './aws-error.ts';

/** Where the end of a job is told, and of which deployment it is: all of an account may share one bus. */
export interface FinishedEvents {
  readonly client: EventBridgeClient;
  readonly bus: string;
  readonly stage: string;
}

/**
 * Puts the end of a job on an event bus.
 *
 * @throws HpbError SERVICE_UNREACHABLE when EventBridge did not take it.
 */
export async function putFinishedEvent(
  { client, bus, stage }: FinishedEvents,
  job: JobDocument,
): Promise<void> {
  const entry = {
    EventBusName: bus,
    Source: FINISHED_EVENT.source,
    DetailType: FINISHED_EVENT.detailType,
    Detail: JSON.stringify({ ...finishedDocument(job), stage }),
  };
  const answer = await client.send(new PutEventsCommand({ Entries: [entry] })).catch((thrown: unknown) => {
    throw awsError('EventBridge', thrown);
  });
  const [refused] = answer.Entries?.filter(({ ErrorCode }) => ErrorCode !== undefined) ?? [];
  if (refused === undefined) return;
  throw new HpbError(
    'SERVICE_UNREACHABLE',
    `EventBridge did not take the end of ${job.jobId}: ${refused.ErrorCode}.`,
    {
      remedy: 'Look at the permissions of the function and at the event bus.',
      details: { error: refused.ErrorCode ?? null },
    },
  );
}
