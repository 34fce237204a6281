import { S3Client } from '@aws-sdk/client-s3';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { S3ObjectStore } from '../../adapters/s3-object-store.ts';
import { systemClock } from '../../adapters/system.ts';
import type { ObjectStore } from '../../core/ports.ts';

/** The store at an address: a folder, or `s3+http://HOST:PORT/BUCKET` of an emulator. */
export function storeOf(address: string): ObjectStore {
  const [, endpoint, bucket] = /^s3\+(http:\/\/[^/]+)\/(.+)$/.exec(address) ?? [];
  if (endpoint === undefined || bucket === undefined) return new FileObjectStore(address);
  return new S3ObjectStore({ client: emulatorClient(endpoint), bucket, clock: systemClock });
}

/** A client of an emulator of S3. */
export function emulatorClient(endpoint: string): S3Client {
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  });
}
