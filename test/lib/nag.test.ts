import { Bucket } from 'aws-cdk-lib/aws-s3';
import { describe, expect, it } from 'vitest';
import { stacksOf } from '../fixtures/stacks.ts';

const SIGNING_KEY = 'arn:aws:kms:us-east-1:123456789012:key/1234abcd';
/** Every choice at least once, both ways. */
const DEPLOYMENTS = [
  { stage: 'dev' },
  { stage: 'prod' },
  { stage: 'prod', spot: false, viewerReaders: '192.0.2.0/24', viewerOrigins: 'https://viewer.example.org' },
  { stage: 'dev', network: 'existing', vpcId: 'vpc-12345678', subnetIds: 'subnet-12345678' },
  { stage: 'dev', imageUri: undefined },
  { stage: 'prod', canaryHours: 24 },
  { stage: 'prod', network: 'public', waf: false, retainData: false, ingestSources: 'a,b' },
  { stage: 'dev', network: 'isolated', waf: true, retainData: true, signingKeyArn: SIGNING_KEY },
  { stage: 'dev', viewerReaders: '0.0.0.0/0', viewerOpenToTheWorld: true, viewerRetentionDays: 5 },
  { stage: 'dev', alarmEmail: 'a@example.org', alarmWebhook: 'https://example.org/x', budgetUsd: 10 },
] as const;

describe('rules of AwsSolutions and HIPAA Security', () => {
  it.each(DEPLOYMENTS)('have no open findings: %j', (properties) => {
    const { app } = stacksOf(properties);

    // Throws with every open finding.
    expect(() => app.synth()).not.toThrow();
  });

  it('stop the synthesis at a careless bucket', () => {
    const { app, data } = stacksOf({ stage: 'dev' });
    expect(new Bucket(data, 'Careless').encryptionKey).toBeUndefined();

    expect(() => app.synth()).toThrow(/AwsSolutions-S10[^]*HIPAA\.Security-S3BucketVersioningEnabled/);
  });
});
