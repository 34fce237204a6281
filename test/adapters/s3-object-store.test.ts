import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { copyObject } from '../../adapters/s3-copy.ts';
import { S3ObjectStore } from '../../adapters/s3-object-store.ts';
import { systemClock } from '../../adapters/system.ts';
import { itExcept, MINISTACK_S3 } from '../fixtures/deviations.ts';
import { emulatedBucket } from '../fixtures/emulated-bucket.ts';
import { objectStoreContract } from './object-store.contract.ts';

objectStoreContract('a bucket (MiniStack)', async () => {
  const { client, bucket } = await emulatedBucket();
  return new S3ObjectStore({ client, bucket, clock: systemClock });
});

describe('a bucket of objects', () => {
  it('keeps no parts of a stream that broke off', async () => {
    const { client, bucket } = await emulatedBucket();
    const store = new S3ObjectStore({ client, bucket, clock: systemClock });
    async function* breaking(): AsyncGenerator<Uint8Array> {
      for (let chunk = 0; chunk < 40; chunk += 1) yield new Uint8Array(2 ** 20);
      throw new Error('the line went dead');
    }

    await store.putStream('k', breaking()).catch(() => undefined);

    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    expect(Uploads).toEqual([]);
  });

  it('copies what is too large for one request part by part', async () => {
    const { client, bucket } = await emulatedBucket();
    const store = new S3ObjectStore({ client, bucket, clock: systemClock });
    const body = Uint8Array.from({ length: 1_000 }, (_, index) => index % 251);
    const source = await store.put('jobs/a/in', body);

    await copyObject(client, { bucket, source, to: 'jobs/b/in', maxCopyBytes: 500, partBytes: 300 });

    expect(Buffer.compare(await store.get('jobs/b/in'), body)).toBe(0);
  });

  it('says that S3 does not answer', async () => {
    const client = new S3Client({
      endpoint: 'http://127.0.0.1:9',
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
    const store = new S3ObjectStore({ client, bucket: 'nowhere', clock: systemClock });

    await expect(store.get('k')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
    await expect(store.head('k')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.put('k', 'x')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('says that there is no such bucket to those who run the service', async () => {
    const { client } = await emulatedBucket();
    const store = new S3ObjectStore({ client, bucket: 'hpb-no-such-bucket', clock: systemClock });

    await expect(store.put('k', 'x')).rejects.toMatchObject({ code: 'STORE_REFUSED', blame: 'ops' });
    await expect(store.list('')).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });

  itExcept(MINISTACK_S3)('says that its credentials are refused', async () => {
    const { bucket, options } = await emulatedBucket();
    const credentials = { accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'wrong' };
    const store = new S3ObjectStore({
      client: new S3Client({ ...options, credentials }),
      bucket,
      clock: systemClock,
    });

    await expect(store.list('')).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });
});
