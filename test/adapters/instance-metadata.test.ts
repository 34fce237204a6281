import { describe, expect, it } from 'vitest';
import { InstanceMetadata } from '../../adapters/instance-metadata.ts';
import { metadataService } from '../fixtures/metadata-service.ts';

const AT = Date.parse('2026-11-25T10:00:00Z');

describe('the metadata service of a machine', () => {
  it('gives no notice while the machine is to stay, and is asked for nothing else', async () => {
    const service = await metadataService();
    const metadata = new InstanceMetadata(service.endpoint);

    expect([await metadata.spotNotice(), await metadata.spotNotice()]).toEqual([null, null]);
    expect(service.asked).toEqual([
      'PUT /latest/api/token',
      'GET /latest/meta-data/spot/instance-action',
      'GET /latest/meta-data/spot/instance-action',
    ]);
  });

  it('tells when a spot machine goes', async () => {
    const service = await metadataService();
    service.interrupt(AT);

    expect(await new InstanceMetadata(service.endpoint).spotNotice()).toEqual({
      action: 'terminate',
      at: AT,
    });
  });

  it('is asked for a new token when the old one is no longer good', async () => {
    const service = await metadataService();
    const metadata = new InstanceMetadata(service.endpoint);
    await metadata.spotNotice();
    service.forgetTokens();
    service.interrupt(AT);

    expect(await metadata.spotNotice()).toMatchObject({ at: AT });
  });

  it.each([
    [500, ''],
    [200, 'soon'],
    [200, '{"action":"terminate","time":"soon"}'],
  ])('that answers %i %j is said not to work', async (status, body) => {
    const service = await metadataService();
    service.answer(status, body);

    await expect(new InstanceMetadata(service.endpoint).spotNotice()).rejects.toMatchObject({
      code: 'SERVICE_UNREACHABLE',
    });
  });

  it('that is not there is said to be so', async () => {
    await expect(new InstanceMetadata('http://127.0.0.1:9').spotNotice()).rejects.toMatchObject({
      code: 'SERVICE_UNREACHABLE',
    });
  });
});
