import { createReadStream } from 'node:fs';
import { HpbError } from '../../core/errors.ts';

/** A folder of the caller's own in S3. */
export interface S3Folder {
  readonly bucket: string;
  /** Ends in `/`, or is empty. */
  readonly prefix: string;
}

/**
 * Reads `s3://bucket/prefix`, or a bare prefix of the bucket HPB_S3_BUCKET.
 *
 * @throws HpbError USAGE
 */
export function parseS3Folder(text: string, defaultBucket: string | undefined): S3Folder {
  const [, named, rest] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(text) ?? [];
  const bucket = named ?? (text.includes('://') ? undefined : defaultBucket);
  if (bucket === undefined)
    throw new HpbError('USAGE', `--to ${JSON.stringify(text)} names no place in S3.`, {
      remedy: 'Give s3://bucket/prefix, or set HPB_S3_BUCKET and give a prefix.',
    });
  const prefix = (named === undefined ? text : (rest ?? '')).replaceAll(/^\/+|\/+$/g, '');
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

/**
 * Copies a local file to S3 with the credentials of the standard AWS chain, large ones in parts.
 *
 * @param key Below the folder's prefix.
 * @returns its `s3://` URL.
 * @throws HpbError STORE_UNAVAILABLE when S3 does not take it, CANCELLED.
 */
export async function copyToS3(
  path: string,
  folder: S3Folder,
  key: string,
  options: { readonly region: string | undefined; readonly signal: AbortSignal },
): Promise<string> {
  // Loaded when needed: the SDK would double the time that `hpb --help` takes.
  const [{ S3Client }, { Upload }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/lib-storage'),
  ]);
  const client = new S3Client(options.region === undefined ? {} : { region: options.region });
  const Key = `${folder.prefix}${key}`;
  const upload = new Upload({ client, params: { Bucket: folder.bucket, Key, Body: createReadStream(path) } });
  const abort = (): void => void upload.abort();
  options.signal.addEventListener('abort', abort, { once: true });
  try {
    await upload.done();
    return `s3://${folder.bucket}/${Key}`;
  } catch (error) {
    throw s3Error(error, folder.bucket, options.signal);
  } finally {
    options.signal.removeEventListener('abort', abort);
    client.destroy();
  }
}

function s3Error(error: unknown, bucket: string, signal: AbortSignal): HpbError {
  if (signal.aborted)
    return new HpbError('CANCELLED', 'Interrupted while the file was copied to S3.', {
      remedy: 'Start again.',
    });
  const name = error instanceof Error ? error.name : 'no reason given';
  return new HpbError('STORE_UNAVAILABLE', `The bucket ${bucket} does not take the file (${name}).`, {
    remedy:
      'Check with `aws s3 ls` that the bucket exists and that this user may write there, and set AWS_REGION to its region.',
    details: { reason: name },
    cause: error,
  });
}
