import { FileObjectStore } from '../adapters/file-object-store.ts';
import { systemClock } from '../adapters/system.ts';
import { HpbError } from '../core/errors.ts';
import type { ObjectStore } from '../core/ports.ts';

/**
 * The store that `place` names: `s3://bucket`, with the credentials of the standard AWS chain, or a folder.
 *
 * @throws HpbError USAGE for a prefix in the bucket: keys begin at its root; `remedy` says below what.
 */
export async function storePlace(
  place: string,
  region: string | undefined,
  remedy: string,
): Promise<ObjectStore> {
  if (!place.includes('://')) return new FileObjectStore(place, { shared: true });
  const [, bucket] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/?$/.exec(place) ?? [];
  if (bucket === undefined)
    throw new HpbError('USAGE', `${JSON.stringify(place)} is neither s3://bucket nor a folder.`, { remedy });
  // Loaded when needed: the SDK would double the time that `hpb --help` takes.
  const [{ S3Client }, { S3ObjectStore }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('../adapters/s3-object-store.ts'),
  ]);
  const client = new S3Client(region === undefined ? {} : { region });
  return new S3ObjectStore({ client, bucket, clock: systemClock });
}
