import { z } from 'zod';
import { HpbError } from './errors.ts';
import { isUploadId, type UploadId } from './layout.ts';

/** Largest manifest that is read, bytes: more than 100,000 cases. */
export const MAX_MANIFEST_BYTES = 32 * 2 ** 20;

/**
 * What may be uploaded instead of an archive: the cases of a batch as uploads of their own, for batches that are too
 * large to pack. A JSON document, told by its content like every upload.
 */
export const batchManifest = z.strictObject({
  cases: z
    .array(
      z.strictObject({
        uploadId: z.string().refine(isUploadId, 'not an upload id'),
        /** Of the case, as the caller wants it told back. */
        name: z.string().min(1).max(255),
      }),
    )
    .min(1),
});
export type BatchManifest = z.infer<typeof batchManifest>;

/**
 * The manifest that the bytes of an upload are.
 *
 * @throws HpbError ARCHIVE_UNREADABLE for what is no JSON or not of this shape, or names an upload twice.
 */
export function parseManifest(bytes: Uint8Array): BatchManifest {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw unreadable('it is no JSON', cause);
  }
  const parsed = batchManifest.safeParse(document);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    // The names of unknown fields are the caller's, and this is logged.
    const why = issue.code === 'unrecognized_keys' ? 'a field that is not known' : issue.message;
    throw unreadable(`${issue.path.join('.') || 'it'}: ${why}`);
  }
  const ids = new Set<UploadId>(parsed.data.cases.map(({ uploadId }) => uploadId));
  if (ids.size < parsed.data.cases.length) throw unreadable('it names an upload more than once');
  return parsed.data;
}

function unreadable(reason: string, cause?: unknown): HpbError {
  return new HpbError('ARCHIVE_UNREADABLE', `The manifest of the batch cannot be used: ${reason}.`, {
    remedy: 'Upload a JSON document such as {"cases": [{"uploadId": "u-…", "name": "one"}]}.',
    ...(cause === undefined ? {} : { cause }),
  });
}
