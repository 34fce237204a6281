import type { S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '../core/ports.ts';
import type { ViewerPorts } from '../core/use-cases/publish-case.ts';
import { S3ObjectStore } from './s3-object-store.ts';

/** The viewer of a deployment. What draws its thumbnails is loaded when it is first asked for. */
export async function viewerBucket(client: S3Client, bucket: string, clock: Clock): Promise<ViewerPorts> {
  const { jpegOfPng } = await import('./viewer-thumbnail.ts');
  return { viewer: new S3ObjectStore({ client, bucket, clock }), jpegOfPng };
}
