import { describe, expect, it } from 'vitest';
import {
  calibrationKey,
  jobDocumentKey,
  jobIndexKey,
  uploadInputKey,
  type JobId,
  type UploadId,
} from '../../core/layout.ts';
import { resourceOf, resourcesOf, stacksOf, type TemplateResource } from '../fixtures/stacks.ts';

const { data } = stacksOf({ stage: 'prod' });
const bucket = (id: string): TemplateResource => resourceOf(data, 'AWS::S3::Bucket', id);
const policyOf = (id: string): readonly Record<string, unknown>[] =>
  resourceOf(data, 'AWS::S3::BucketPolicy', `${id}Policy`).Properties.PolicyDocument.Statement;
const OURS = ['JobsBucket', 'IngestBucket', 'ModelsBucket'] as const;

describe('every bucket', () => {
  it.each([...OURS, 'ViewerBucket', 'AccessLogs'])(
    '%s is versioned, without ACLs, closed to the public, and outlives its stack',
    (id) => {
      const { Properties: properties, DeletionPolicy, UpdateReplacePolicy } = bucket(id);

      expect(properties.VersioningConfiguration).toEqual({ Status: 'Enabled' });
      expect(properties.OwnershipControls.Rules).toEqual([{ ObjectOwnership: 'BucketOwnerEnforced' }]);
      expect(Object.values(properties.PublicAccessBlockConfiguration)).toEqual([true, true, true, true]);
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['Retain', 'Retain']);
    },
  );

  it.each([...OURS, 'ViewerBucket', 'AccessLogs'])('%s refuses plain text and old TLS', (id) => {
    const denied = policyOf(id).filter(({ Effect, Action }) => Effect === 'Deny' && Action === 's3:*');

    expect(denied.map(({ Condition }) => Condition)).toEqual([
      { Bool: { 'aws:SecureTransport': 'false' } },
      { NumericLessThan: { 's3:TlsVersion': 1.2 } },
    ]);
  });

  it.each([...OURS, 'ViewerBucket'])('%s logs who reads it, below a folder of its own', (id) => {
    const { LoggingConfiguration: logging } = bucket(id).Properties;

    expect(logging.DestinationBucketName.Ref).toMatch(/^AccessLogs/);
    expect(logging.LogFilePrefix).toBe(`${id}/`);
  });

  it('gives up uploads that were never finished', () => {
    const days = [...OURS, 'ViewerBucket', 'AccessLogs'].map((id) => {
      const [rule] = bucket(id).Properties.LifecycleConfiguration.Rules;
      return [id, rule.AbortIncompleteMultipartUpload.DaysAfterInitiation];
    });

    // Uploads of the API can be resumed for days.
    expect(Object.fromEntries(days)).toEqual({
      JobsBucket: 7,
      IngestBucket: 1,
      ModelsBucket: 1,
      ViewerBucket: 1,
      AccessLogs: 1,
    });
  });
});

describe('buckets of inputs, results and weights', () => {
  it.each(OURS)('%s is encrypted by our key, and by no other', (id) => {
    const [rule] = bucket(id).Properties.BucketEncryption.ServerSideEncryptionConfiguration;
    const key = { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] };
    const header = 's3:x-amz-server-side-encryption';

    expect(rule.BucketKeyEnabled).toBe(true);
    expect(rule.ServerSideEncryptionByDefault).toEqual({ SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key });
    expect(policyOf(id)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          Effect: 'Deny',
          Action: 's3:PutObject',
          Condition: { StringNotEquals: { [header]: 'aws:kms' }, Null: { [header]: 'false' } },
        }),
        expect.objectContaining({
          Effect: 'Deny',
          Action: 's3:PutObject',
          Condition: {
            StringNotEquals: { [`${header}-aws-kms-key-id`]: key },
            Null: { [`${header}-aws-kms-key-id`]: 'false' },
          },
        }),
      ]),
    );
  });

  it('forget jobs after the sweeper would have, drops after the retention, and weights never', () => {
    const expiry = (id: string): number | undefined =>
      bucket(id).Properties.LifecycleConfiguration.Rules.find(
        (rule: Record<string, unknown>) => 'ExpirationInDays' in rule,
      )?.ExpirationInDays;

    // A job that ran for a week, and was run again at the end of its retention, keeps all it has until the sweeper comes.
    expect(OURS.map(expiry)).toEqual([30 + 30 + 8, 30, undefined]);
  });

  it('forget of the jobs bucket what belongs to jobs, and keep what an operator has put there', () => {
    const rules = bucket('JobsBucket').Properties.LifecycleConfiguration.Rules as readonly {
      readonly ExpirationInDays?: number;
      readonly Prefix?: string;
    }[];
    const expires = (key: string): boolean =>
      rules.some(({ ExpirationInDays: days, Prefix = '' }) => days !== undefined && key.startsWith(Prefix));
    const job = { jobId: '0123abcd' as JobId, createdAt: 1_700_000_000_000 };

    const ofJobs = [uploadInputKey('u-0123abcd' as UploadId), jobDocumentKey(job.jobId), jobIndexKey(job)];
    expect([...ofJobs, jobIndexKey(job, 'RUNNING')].filter((key) => !expires(key))).toEqual([]);
    // Its estimates would silently be uncalibrated again.
    expect(expires(calibrationKey())).toBe(false);
  });

  it('tell EventBridge of what is dropped, without a Lambda of their own (trap 14)', () => {
    expect(bucket('IngestBucket').Properties.NotificationConfiguration).toEqual({
      EventBridgeConfiguration: { EventBridgeEnabled: true },
    });
    expect(resourcesOf(data, 'AWS::Lambda::Function')).toEqual({});
  });
});

describe('images of the workers', () => {
  it('are scanned, never overwritten, under our key, and outlive the stack', () => {
    const { Properties: properties, DeletionPolicy } = resourceOf(data, 'AWS::ECR::Repository');

    expect(properties.ImageScanningConfiguration).toEqual({ ScanOnPush: true });
    expect(properties.ImageTagMutability).toBe('IMMUTABLE');
    expect(properties.EncryptionConfiguration.EncryptionType).toBe('KMS');
    expect(JSON.parse(properties.LifecyclePolicy.LifecyclePolicyText).rules).toHaveLength(2);
    expect(DeletionPolicy).toBe('Retain');
  });
});

describe('a deployment that need not last', () => {
  it('lets its buckets go with the stack, and never empties one itself', () => {
    const { data: dev } = stacksOf({ stage: 'dev' });

    const policies = Object.values(resourcesOf(dev, 'AWS::S3::Bucket')).map(
      ({ DeletionPolicy }) => DeletionPolicy,
    );

    expect(policies).toEqual(Array.from({ length: 5 }, () => 'Delete'));
    expect(resourcesOf(dev, 'Custom::S3AutoDeleteObjects')).toEqual({});
  });
});
