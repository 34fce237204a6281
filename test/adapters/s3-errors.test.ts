import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { expect, it, onTestFinished } from 'vitest';
import { s3Error } from '../../adapters/s3-errors.ts';
import { S3ObjectStore } from '../../adapters/s3-object-store.ts';
import { systemClock } from '../../adapters/system.ts';

/** A bucket that answers everything so. */
async function refusing(status: number, code: string): Promise<S3ObjectStore> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'application/xml' });
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>No.</Message></Error>`);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  return new S3ObjectStore({ client, bucket: 'hpb', clock: systemClock });
}

it.each([
  [503, 'SlowDown'],
  // What S3 passes on of KMS, under whose quota a bucket with a key of its own stands as well.
  [400, 'ThrottlingException'],
  [429, 'TooManyRequests'],
  [500, 'InternalError'],
])('what passes is called that, so that it is tried again: %i %s', async (status, code) => {
  const store = await refusing(status, code);

  const unavailable = { code: 'STORE_UNAVAILABLE', retryable: true };
  await expect(store.get('k')).rejects.toMatchObject(unavailable);
  await expect(store.put('k', 'x')).rejects.toMatchObject(unavailable);
});

it.each(['ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH'])('so is a network that is away: %s', (code) => {
  const thrown = Object.assign(new Error('connect'), { code });

  expect(s3Error(thrown, { key: 'k' })).toMatchObject({ code: 'STORE_UNAVAILABLE' });
});
