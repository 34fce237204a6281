import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  UploadPartCopyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { mapLimited } from '../core/map-limited.ts';
import type { ObjectFacts } from '../core/ports.ts';

/** Larger objects cannot be copied by one request. */
const MAX_COPY_BYTES = 5 * 2 ** 30;
const PART_BYTES = 2 ** 30;
const PARTS_AT_ONCE = 8;

/** A copy into a bucket. */
interface Copy {
  readonly bucket: string;
  /** Its tag must be the ETag. */
  readonly source: ObjectFacts;
  readonly to: string;
  /** Where the source lies, if that is not `bucket`. */
  readonly from?: string;
  /** For tests. */
  readonly maxCopyBytes?: number;
  readonly partBytes?: number;
}

/** Copies an object of any size inside S3. Returns the tag of the copy; errors are those of the client. */
export async function copyObject(client: S3Client, copy: Copy): Promise<string | undefined> {
  const { bucket, source, to } = copy;
  if (source.bytes > (copy.maxCopyBytes ?? MAX_COPY_BYTES)) return copyInParts(client, copy);
  const request = { Bucket: bucket, Key: to, CopySource: sourceOf(copy), CopySourceIfMatch: source.tag };
  return (await client.send(new CopyObjectCommand(request))).CopyObjectResult?.ETag;
}

async function copyInParts(client: S3Client, copy: Copy): Promise<string | undefined> {
  const { bucket, source, to, partBytes = PART_BYTES } = copy;
  const target = { Bucket: bucket, Key: to };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  const starts = Array.from({ length: Math.ceil(source.bytes / partBytes) }, (_, index) => index * partBytes);
  try {
    const parts = await mapLimited(starts, PARTS_AT_ONCE, async (start, index) => {
      const end = Math.min(start + partBytes, source.bytes) - 1;
      const request = {
        ...target,
        UploadId,
        PartNumber: index + 1,
        CopySource: sourceOf(copy),
        CopySourceIfMatch: source.tag,
        CopySourceRange: `bytes=${start}-${end}`,
      };
      const { CopyPartResult } = await client.send(new UploadPartCopyCommand(request));
      return { PartNumber: index + 1, ETag: CopyPartResult?.ETag };
    });
    const complete = { ...target, UploadId, MultipartUpload: { Parts: [...parts] } };
    return (await client.send(new CompleteMultipartUploadCommand(complete))).ETag;
  } catch (error) {
    await client.send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => undefined);
    throw error;
  }
}

function sourceOf({ bucket, from = bucket, source }: Copy): string {
  return `${from}/${source.key.split('/').map(encodeURIComponent).join('/')}`;
}
