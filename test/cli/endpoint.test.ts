import { describe, expect, it } from 'vitest';
import { resolveEndpoint } from '../../cli/api/endpoint.ts';

const AWS = 'https://abc123.execute-api.eu-central-1.amazonaws.com/prod';

describe('the service that a command talks to', () => {
  it('is the one of this machine, unless HPB_ENDPOINT or --endpoint names another', () => {
    expect(resolveEndpoint({}, { HPB_PORT: 8099 })).toEqual({
      url: 'http://127.0.0.1:8099',
      signRegion: null,
    });
    expect(resolveEndpoint({}, { HPB_PORT: 1, HPB_ENDPOINT: 'http://a:1/' }).url).toBe('http://a:1');
    expect(resolveEndpoint({ endpoint: 'http://b' }, { HPB_PORT: 1, HPB_ENDPOINT: 'http://a' }).url).toBe(
      'http://b',
    );
  });

  it('is signed for when its host is one of AWS, in the region that the host names', () => {
    expect(resolveEndpoint({ endpoint: AWS }, { HPB_PORT: 1, AWS_REGION: 'us-east-1' })).toEqual({
      url: AWS,
      signRegion: 'eu-central-1',
    });
  });

  it('is signed for with --aws, in AWS_REGION', () => {
    const given = { endpoint: 'https://hpb.example.org', aws: true } as const;

    expect(resolveEndpoint(given, { HPB_PORT: 1, AWS_REGION: 'us-east-1' }).signRegion).toBe('us-east-1');
    expect(() => resolveEndpoint(given, { HPB_PORT: 1 })).toThrow(/does not tell the region/);
  });

  it.each([
    ['no URL', 'localhost:8080'],
    ['another scheme', 'ftp://a'],
    ['a user name', 'http://me:secret@a'],
    ['a query', 'http://a/?x=1'],
  ])('is refused with %s, and no secret is repeated', (_, endpoint) => {
    const resolve = (): unknown => resolveEndpoint({ endpoint }, { HPB_PORT: 1 });

    expect(resolve).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(resolve).not.toThrow(/secret/);
  });

  it('is never sent signed calls in the clear', () => {
    const given = { endpoint: 'http://hpb.example.org', aws: true } as const;

    expect(() => resolveEndpoint(given, { HPB_PORT: 1, AWS_REGION: 'us-east-1' })).toThrow(/plain http/);
  });
});
