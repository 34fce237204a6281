import { ListObjectVersionsCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { S3ObjectStore } from '../../adapters/s3-object-store.ts';
import { eraseVersions } from '../../adapters/s3-versions.ts';
import { systemClock } from '../../adapters/system.ts';
import { emulatedBucket, type EmulatedBucket } from '../fixtures/emulated-bucket.ts';

async function versionedBucket() {
  const bucket = await emulatedBucket();
  await bucket.client.send(
    new PutBucketVersioningCommand({
      Bucket: bucket.bucket,
      VersioningConfiguration: { Status: 'Enabled' },
    }),
  );
  return { ...bucket, store: new S3ObjectStore({ ...bucket, clock: systemClock }) };
}

async function versionsIn({ client, bucket: Bucket }: EmulatedBucket): Promise<readonly string[]> {
  const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
  return [...Versions, ...DeleteMarkers].map(({ Key }) => Key!);
}

describe('erasing in a bucket that keeps versions', () => {
  it('leaves nothing of what was overwritten, deleted or is still there, and counts what held bytes', async () => {
    const place = await versionedBucket();
    const { client, bucket, store } = place;
    await store.put('jobs/a/x', 'one');
    await store.put('jobs/a/x', 'two');
    await store.put('jobs/a/gone', 'three');
    await store.removeAll('jobs/a/gone');
    await store.put('jobs/a/there', 'four');
    await store.put('jobs/b/x', 'of another job');

    expect(await eraseVersions(client, bucket, 'jobs/a/')).toBe(4);

    expect(await versionsIn(place)).toEqual(['jobs/b/x']);
    expect(await eraseVersions(client, bucket, 'jobs/a/')).toBe(0);
  });

  it('goes on beyond one page', async () => {
    const place = await versionedBucket();
    const keys = Array.from({ length: 1_005 }, (_, at) => `jobs/a/${at}`);
    await Promise.all(keys.map((key) => place.store.put(key, '')));

    expect(await eraseVersions(place.client, place.bucket, 'jobs/a/')).toBe(1_005);
    expect(await versionsIn(place)).toEqual([]);
  });

  it('says that there is no such bucket', async () => {
    const { client } = await versionedBucket();

    await expect(eraseVersions(client, 'none-such', 'jobs/a/')).rejects.toMatchObject({
      code: 'STORE_REFUSED',
    });
  });
});
