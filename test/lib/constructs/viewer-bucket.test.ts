import { describe, expect, it } from 'vitest';
import { resourceOf, stacksOf } from '../../fixtures/stacks.ts';

interface Statement {
  readonly Effect: string;
  readonly Action: string;
  readonly Principal: unknown;
  readonly Condition: Readonly<Record<string, unknown>>;
  readonly Resource: unknown;
}

function viewerBucket(properties: Readonly<Record<string, unknown>>) {
  const { data } = stacksOf(properties);
  const statements: readonly Statement[] = resourceOf(data, 'AWS::S3::BucketPolicy', 'ViewerBucketPolicy')
    .Properties.PolicyDocument.Statement;
  return {
    bucket: resourceOf(data, 'AWS::S3::Bucket', 'ViewerBucket').Properties,
    allowed: statements.filter(({ Effect }) => Effect === 'Allow'),
  };
}

describe('the viewer bucket', () => {
  it('lets nobody read until it is told who', () => {
    const { bucket, allowed } = viewerBucket({});

    expect(allowed).toEqual([]);
    expect(bucket.CorsConfiguration).toBeUndefined();
  });

  it('lets the named ranges list and read published cases, and nothing else of it', () => {
    const { bucket, allowed } = viewerBucket({ viewerReaders: '192.0.2.0/24,2001:db8::/48' });

    expect(allowed.map(({ Action }) => Action)).toEqual(['s3:GetObject', 's3:ListBucket']);
    for (const { Condition } of allowed) {
      expect(Condition['IpAddress']).toEqual({ 'aws:SourceIp': ['192.0.2.0/24', '2001:db8::/48'] });
    }
    expect(JSON.stringify(allowed[0]!.Resource)).toContain('/liverCases/*');
    expect(allowed[1]!.Condition['StringLike']).toEqual({ 's3:prefix': ['liverCases/*'] });
    // S3 takes this policy for private, so the lock stays on.
    expect(bucket.PublicAccessBlockConfiguration.BlockPublicPolicy).toBe(true);
  });

  it('lets a VPC endpoint read by a rule of its own: both conditions in one would let nobody in', () => {
    const { allowed } = viewerBucket({ viewerReaders: '192.0.2.0/24,vpce-0123456789abcdef0' });

    expect(allowed.map(({ Condition }) => Object.keys(Condition).sort())).toEqual([
      ['IpAddress'],
      ['IpAddress', 'StringLike'],
      ['StringEquals'],
      ['StringEquals', 'StringLike'],
    ]);
  });

  it('takes the lock off only for the whole world, never for ACLs', () => {
    const { bucket } = viewerBucket({ viewerReaders: '0.0.0.0/0', viewerOpenToTheWorld: true });

    expect(bucket.PublicAccessBlockConfiguration).toMatchObject({
      BlockPublicAcls: true,
      IgnorePublicAcls: true,
      BlockPublicPolicy: false,
      RestrictPublicBuckets: false,
    });
  });

  it("is encrypted by S3's own key, which anonymous readers can use", () => {
    const [rule] = viewerBucket({}).bucket.BucketEncryption.ServerSideEncryptionConfiguration;

    expect(rule.ServerSideEncryptionByDefault).toEqual({ SSEAlgorithm: 'AES256' });
  });

  it('answers the pages of the named origins, for reading only', () => {
    const { bucket } = viewerBucket({ viewerOrigins: 'https://viewer.example.org' });

    expect(bucket.CorsConfiguration.CorsRules).toEqual([
      expect.objectContaining({
        AllowedOrigins: ['https://viewer.example.org'],
        AllowedMethods: ['GET', 'HEAD'],
      }),
    ]);
  });
});
