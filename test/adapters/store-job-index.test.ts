import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { S3ObjectStore } from '../../adapters/s3-object-store.ts';
import { StoreJobIndex } from '../../adapters/store-job-index.ts';
import { systemClock } from '../../adapters/system.ts';
import { jobDocumentKey, jobIndexKey, jobIndexPrefix } from '../../core/layout.ts';
import type { ObjectStore } from '../../core/ports.ts';
import { emulatedBucket } from '../fixtures/emulated-bucket.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { idsOf, jobIndexContract, move, submitted } from './job-index.contract.ts';

const folder = (): FileObjectStore => new FileObjectStore(join(tempFolder(), 'objects'));

jobIndexContract('a folder', () => new StoreJobIndex(folder(), systemClock));

jobIndexContract('a bucket (MiniStack)', async () => {
  const { client, bucket } = await emulatedBucket();
  return new StoreJobIndex(new S3ObjectStore({ client, bucket, clock: systemClock }), systemClock);
});

/** A store whose writer dies at the n-th write (put or remove) from now on: that one and all later ones fail. */
function dyingAt(store: ObjectStore, write: number): ObjectStore {
  let writes = 0;
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]) => {
        if (name === 'put' || name === 'remove') {
          writes += 1;
          if (writes >= write) throw new Error('died');
        }
        return (member as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}

/** A clock an hour after now, for which what was written just now is long ago. */
const later = { now: () => Date.now() + 3_600_000 };

describe('an index of jobs in a store', () => {
  it('never loses a job from the lists, wherever a writer dies', async () => {
    for (let write = 1; write <= 8; write += 1) {
      const store = folder();
      const job = submitted(1);
      await new StoreJobIndex(store, systemClock).create(job);

      await move(new StoreJobIndex(dyingAt(store, write), systemClock), job.jobId, 'cancel').catch(
        () => undefined,
      );

      const index = new StoreJobIndex(store, later);
      const { state } = (await index.get(job.jobId))!;
      expect(await idsOf(index)).toEqual([job.jobId]);
      expect(await idsOf(index, state)).toEqual([job.jobId]);
      expect(await idsOf(index, state === 'QUEUED' ? 'CANCELLED' : 'QUEUED')).toEqual([]);
      expect(await index.countActive()).toBe(state === 'QUEUED' ? 1 : 0);
    }
  });

  it('lists a job, or knows nothing of it, wherever its creation dies', async () => {
    for (let write = 1; write <= 3; write += 1) {
      const store = folder();
      const job = submitted(1);
      await new StoreJobIndex(dyingAt(store, write), systemClock).create(job).catch(() => undefined);

      const index = new StoreJobIndex(store, later);
      expect(await idsOf(index)).toEqual([]);
      await index.create({ ...submitted(2), jobId: job.jobId });

      expect(await idsOf(index)).toEqual([job.jobId]);
      expect(await idsOf(index, 'QUEUED')).toEqual([job.jobId]);
    }
  });

  it('removes entries that have long been wrong, and leaves fresh ones to their writer', async () => {
    const store = folder();
    const job = submitted(1);
    await new StoreJobIndex(store, systemClock).create(job);
    const entry = jobIndexKey(job, 'PREPARING');
    await store.put(entry, '');

    expect(await idsOf(new StoreJobIndex(store, systemClock), 'PREPARING')).toEqual([]);
    expect(await store.head(entry)).not.toBeNull();
    expect(await idsOf(new StoreJobIndex(store, later), 'PREPARING')).toEqual([]);
    expect(await store.head(entry)).toBeNull();
  });

  it('forgets a job whose documents were removed before it', async () => {
    const store = folder();
    const index = new StoreJobIndex(store, systemClock);
    const job = submitted(1);
    await index.create(job);
    await store.remove(jobDocumentKey(job.jobId));

    await index.remove(job.jobId);

    expect(await store.list('index/')).toEqual([]);
  });

  it('keeps one entry a state, whatever the job went through', async () => {
    const store = folder();
    const index = new StoreJobIndex(store, systemClock);
    const job = submitted(1);
    await index.create(job);
    for (const event of ['prepare', 'publish', 'cancel'] as const) await move(index, job.jobId, event);

    const keys = (await store.list('index/')).map(({ key }) => key);

    expect(keys).toEqual([jobIndexKey(job), jobIndexKey(job, 'CANCELLED')]);
    expect(keys[0]!.startsWith(jobIndexPrefix())).toBe(true);
  });
});

describe('a job document that is damaged', () => {
  it('is left out of lists and counts, keeps its entry, and is named when it is asked for', async () => {
    const store = folder();
    const index = new StoreJobIndex(store, later);
    const [whole, broken] = [submitted(1), submitted(2)];
    await index.create(whole);
    await index.create(broken);
    await store.put(jobDocumentKey(broken.jobId), '{"layoutVersion":1,"jobId');

    expect(await idsOf(index)).toEqual([whole.jobId]);
    expect(await index.countActive()).toBe(1);
    expect(await store.head(jobIndexKey(broken))).not.toBeNull();
    await expect(index.get(broken.jobId)).rejects.toMatchObject({
      code: 'DOCUMENT_UNREADABLE',
      message: expect.stringContaining(jobDocumentKey(broken.jobId)),
    });
  });
});
