import { InvalidArgumentError } from 'commander';
import { FileObjectStore } from '../adapters/file-object-store.ts';
import { systemClock } from '../adapters/system.ts';
import { HpbError } from '../core/errors.ts';
import { isViewerCaseId, type ViewerCaseId } from '../core/layout.ts';
import type { ObjectStore } from '../core/ports.ts';

/**
 * The store that a viewer reads: `s3://bucket`, with the credentials of the standard AWS chain, or a folder.
 *
 * @throws HpbError USAGE for a prefix in the bucket, which the viewer would not look below.
 */
export async function viewerPlace(place: string, region: string | undefined): Promise<ObjectStore> {
  if (!place.includes('://')) return new FileObjectStore(place);
  const [, bucket] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/?$/.exec(place) ?? [];
  if (bucket === undefined)
    throw new HpbError('USAGE', `${JSON.stringify(place)} is neither s3://bucket nor a folder.`, {
      remedy: 'Name the bucket without a prefix: cases lie below liverCases/ in it.',
    });
  // Loaded when needed: the SDK would double the time that `hpb --help` takes.
  const [{ S3Client }, { S3ObjectStore }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('../adapters/s3-object-store.ts'),
  ]);
  const client = new S3Client(region === undefined ? {} : { region });
  return new S3ObjectStore({ client, bucket, clock: systemClock });
}

/** A case id of the viewer as an argument. */
export function viewerCaseIdArgument(text: string): ViewerCaseId {
  if (!isViewerCaseId(text))
    throw new InvalidArgumentError(
      '1 to 80 letters, digits, dashes and underscores; never a name of a patient.',
    );
  return text;
}
