import { DeleteObjectsCommand, ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3';
import { s3Error } from './s3-errors.ts';

/**
 * Deletes every version of everything below a prefix, what was deleted or overwritten before included, for good. Returns
 * how many versions with content that was. Needs s3:ListBucketVersions and s3:DeleteObjectVersion.
 *
 * @throws HpbError STORE_REFUSED, STORE_UNAVAILABLE.
 */
export async function eraseVersions(client: S3Client, Bucket: string, Prefix: string): Promise<number> {
  let erased = 0;
  for (;;) {
    // Always the first page: what it lists is gone when the next one is asked for.
    const page = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix })).catch(refused(Prefix));
    const { Versions = [], DeleteMarkers = [] } = page;
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key: Key!, VersionId }));
    if (Objects.length === 0) return erased;
    const { Errors = [] } = await client
      .send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }))
      .catch(refused(Prefix));
    const [first] = Errors;
    if (first !== undefined) {
      const error = Object.assign(new Error(first.Message), { name: first.Code ?? 'InternalError' });
      throw s3Error(error, { key: Prefix });
    }
    erased += Versions.length;
  }
}

const refused =
  (key: string) =>
  (thrown: unknown): never => {
    throw s3Error(thrown, { key });
  };
