import './deployed-environment.ts';
import { describe, expect, it } from 'vitest';
import { INGEST_REJECTED_PREFIX } from '../../core/layout.ts';
import type { ObjectFacts } from '../../core/ports.ts';
import { create as createOver, RETRY_SECONDS } from '../../lambdas/ingest.ts';
import { serviceFakes, type ServiceFakes } from '../fakes/service-fakes.ts';
import type { QueuedMessages } from '../../adapters/queued-messages.ts';
import type { ServicePorts } from '../../core/use-cases/service-ports.ts';
import { objectCreated, queueBatch, queueBatchAgain } from './aws-events.ts';

const put = (ports: ServiceFakes, name: string, body = 'bytes'): Promise<ObjectFacts> =>
  ports.store.put(`ingest/clinic/${name}`, body);

const QUEUE: QueuedMessages = { comeAgain: () => Promise.resolve() };
const create = (ports: ServicePorts) => createOver(ports, QUEUE);

const DONE = { batchItemFailures: [] };

describe('an event of the ingest bucket', () => {
  it.each([
    ['scan.nii.gz', 'PutObject'],
    ['Lebervolumen Müller 2026.nii.gz', 'PutObject'],
    ['a+b%20c&d=e #1.zip', 'PutObject'],
    ['間質 – größer.tar.gz', 'CopyObject'],
    ['large.zip', 'CompleteMultipartUpload'],
  ] as const)('of %s (%s) starts one execution', async (name, reason) => {
    const ports = serviceFakes();
    const facts = await put(ports, name);

    expect(await create(ports)(queueBatch(objectCreated(facts, reason)))).toEqual(DONE);

    expect(ports.executions.started).toHaveLength(1);
    expect(ports.store.keys('ingest/')).toEqual([]);
    expect(JSON.stringify([ports.log.lines, ports.executions.started, ports.samples])).not.toContain(name);
  });

  it('that comes three times, also within one batch, starts one execution', async () => {
    const ports = serviceFakes();
    const event = objectCreated(await put(ports, 'scan.nii.gz'));

    await create(ports)(queueBatch(event, event));
    await create(ports)(queueBatch(event));

    expect(ports.executions.started).toHaveLength(1);
  });

  it('of each version starts an execution of its own, the same bytes or not', async () => {
    const ports = serviceFakes();
    const first = await put(ports, 'scan.nii.gz');
    await create(ports)(queueBatch(objectCreated(first)));
    const second = await put(ports, 'scan.nii.gz');
    await create(ports)(queueBatch(objectCreated(second)));

    expect(ports.executions.started).toHaveLength(2);
  });

  it('of a version that another has replaced leaves the start to that one, in whatever order they come', async () => {
    const ports = serviceFakes();
    const old = objectCreated(await put(ports, 'scan.nii.gz', 'old'));
    const young = objectCreated(await put(ports, 'scan.nii.gz', 'young'));

    await create(ports)(queueBatch(young, old));

    expect(ports.executions.started).toHaveLength(1);
  });

  it('of a folder marker of the console starts nothing', async () => {
    const ports = serviceFakes();
    const folder = await ports.store.put('ingest/clinic/', '');

    expect(await create(ports)(queueBatch(objectCreated(folder)))).toEqual(DONE);
    expect(ports.executions.started).toEqual([]);
    expect(ports.log.lines).toEqual([
      expect.objectContaining({ event: 'ingest:ignored', fields: { why: 'not a file below ingest/' } }),
    ]);
  });

  it('of a file that is no use puts it aside, and is done', async () => {
    const ports = serviceFakes();

    expect(await create(ports)(queueBatch(objectCreated(await put(ports, 'letter.pdf'))))).toEqual(DONE);
    expect(ports.store.keys(INGEST_REJECTED_PREFIX)).toHaveLength(2);
  });
});

describe('a batch of messages', () => {
  it('gives back those alone that failed, and names them without their body', async () => {
    const ports = serviceFakes();
    const good = objectCreated(await put(ports, 'good.nii.gz'));
    const batch = queueBatch('{"Jane Doe"', { source: 'aws.s3', detail: { name: 'Jane Doe' } }, good);

    const answer = await create(ports)(batch);

    expect(answer.batchItemFailures).toEqual(
      batch.Records.slice(0, 2).map(({ messageId }) => ({ itemIdentifier: messageId })),
    );
    expect(ports.executions.started).toHaveLength(1);
    expect(JSON.stringify(ports.log.lines)).not.toContain('Jane');
  });

  it('comes again while weights are missing, with nothing lost', async () => {
    const away = { admission: () => Promise.reject(new Error('away')) };
    const ports = serviceFakes();
    const event = objectCreated(await put(ports, 'scan.nii.gz'));

    const answer = await create({ ...ports, ...away })(queueBatch(event));
    expect(answer.batchItemFailures).toHaveLength(1);
    expect(ports.store.keys('ingest/')).toHaveLength(1);

    expect(await create(ports)(queueBatch(event))).toEqual(DONE);
    expect(ports.executions.started).toHaveLength(1);
  });

  it('comes again soon at first, then more and more rarely; only what failed', async () => {
    const ports = serviceFakes();
    const asked: (readonly [string, number])[] = [];
    const handler = createOver(ports, {
      comeAgain: (handle, seconds) => Promise.resolve(void asked.push([handle, seconds])),
    });
    const good = objectCreated(await put(ports, 'good.nii.gz'));
    const batches = [1, 2, 3, 4, 5, 8].map((received) => queueBatchAgain(received, good, 'no event'));
    for (const batch of batches) await handler(batch);

    const [, bad] = batches[0]!.Records;
    expect(asked).toEqual(
      [60, 300, 900, 2_700, 5_400, 5_400].map((seconds) => [bad!.receiptHandle, seconds]),
    );
    // SQS hides no message for longer than this since it was received, the time of the function included.
    expect(Math.max(...RETRY_SECONDS)).toBeLessThan(43_200 - 900);
  });

  it('fails alone when the queue cannot be told when', async () => {
    const ports = serviceFakes();
    const handler = createOver(ports, { comeAgain: () => Promise.reject(new Error('away')) });
    const batch = queueBatch('no event', objectCreated(await put(ports, 'good.nii.gz')));

    expect(await handler(batch)).toEqual({
      batchItemFailures: [{ itemIdentifier: batch.Records[0]!.messageId }],
    });
    expect(ports.executions.started).toHaveLength(1);
  });
});
