import { z } from 'zod';
import { HpbError } from '../errors.ts';
import { isUploadId, LAYOUT_VERSION, uploadDocumentKey } from '../layout.ts';
import type { ObjectStore } from '../ports.ts';
import { findDocument } from './stored-document.ts';

/** upload.json: what was promised of an upload; never changed once written. */
export const uploadDocument = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  uploadId: z.string().refine(isUploadId, 'not an upload id'),
  /** As the caller gave it. */
  fileName: z.string(),
  sizeBytes: z.int().min(1),
  sha256: z.string().nullable(),
  /** ms since 1970. */
  createdAt: z.int(),
  /** Null for an upload in one piece. */
  multipart: z.object({ id: z.string(), partBytes: z.int().min(1) }).nullable(),
});
export type UploadDocument = z.infer<typeof uploadDocument>;

/** Reads upload.json; `UPLOAD_NOT_FOUND` when there is none, and for an id that cannot be one. */
export async function readUpload(store: Pick<ObjectStore, 'get'>, uploadId: string): Promise<UploadDocument> {
  const found = isUploadId(uploadId)
    ? await findDocument(store, uploadDocumentKey(uploadId), uploadDocument)
    : null;
  if (found !== null) return found;
  throw new HpbError('UPLOAD_NOT_FOUND', `There is no upload ${quoted(uploadId)}.`, {
    remedy: 'Open an upload with POST /uploads and use the id it answers.',
  });
}

/** A value of the caller's in a message: cut, and as JSON so that it cannot break the line. */
export const quoted = (text: string): string => JSON.stringify(text.slice(0, 80));
