import { describe, expect } from 'vitest';
import { S3ObjectStore } from '../../adapters/s3-object-store.ts';
import { S3SignedLinks, signingClient } from '../../adapters/s3-signed-links.ts';
import { systemClock } from '../../adapters/system.ts';
import { itExcept, MINISTACK_S3 } from '../fixtures/deviations.ts';
import { emulatedBucket } from '../fixtures/emulated-bucket.ts';
import { send, type LinkBench } from '../fixtures/link-bench.ts';
import { signedLinksContract } from './signed-links.contract.ts';

async function bench(): Promise<LinkBench> {
  const { client, bucket, options } = await emulatedBucket();
  const store = new S3ObjectStore({ client, bucket, clock: systemClock });
  const linksAt: LinkBench['linksAt'] = ({ now }) =>
    new S3SignedLinks({ client: signingClient(options), bucket, store, clock: { ...systemClock, now } });
  return { store, linksAt, links: linksAt(systemClock) };
}

signedLinksContract('a bucket (MiniStack)', bench, MINISTACK_S3);

describe('signed links to a bucket', () => {
  const test = itExcept(MINISTACK_S3);

  test('refuses parts of less than 5 MiB before the last', async () => {
    const { links } = await bench();
    const id = await links.startMultipart('k', { contentType: 'application/octet-stream' });
    for (const part of [1, 2])
      await send(await links.signPart('k', id, { part, bytes: 4, expiresSeconds: 60 }), 'part');

    const completed = links.completeMultipart('k', id, await links.listParts('k', id));

    await expect(completed).rejects.toMatchObject({ code: 'UPLOAD_INCOMPLETE' });
  });

  test('signs no checksum of a body that it does not know (trap 12)', async () => {
    const { links } = await bench();

    const put = await links.signPut('k', { bytes: 4, contentType: 'text/plain', expiresSeconds: 60 });
    const part = await links.signPart('k', 'id', { part: 1, bytes: 4, expiresSeconds: 60 });

    expect(put.url).not.toMatch(/checksum/i);
    expect(part.url).not.toMatch(/checksum/i);
    expect(put.url).toContain('X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bif-none-match');
  });
});
