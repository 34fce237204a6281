import { InvalidArgumentError } from 'commander';
import { isViewerCaseId, type ViewerCaseId } from '../core/layout.ts';
import type { ObjectStore } from '../core/ports.ts';
import { storePlace } from './store-place.ts';

/**
 * The store that a viewer reads: `s3://bucket`, with the credentials of the standard AWS chain, or a folder.
 *
 * @throws HpbError USAGE for a prefix in the bucket, which the viewer would not look below.
 */
export const viewerPlace = (place: string, region: string | undefined): Promise<ObjectStore> =>
  storePlace(place, region, 'Name the bucket without a prefix: cases lie below liverCases/ in it.');

/** A case id of the viewer as an argument. */
export function viewerCaseIdArgument(text: string): ViewerCaseId {
  if (!isViewerCaseId(text))
    throw new InvalidArgumentError(
      '1 to 80 letters, digits, dashes and underscores; never a name of a patient.',
    );
  return text;
}
