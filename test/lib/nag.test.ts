import { Bucket } from 'aws-cdk-lib/aws-s3';
import { describe, expect, it } from 'vitest';
import { stacksOf } from '../fixtures/stacks.ts';

const DEPLOYMENTS = [
  { stage: 'dev' },
  { stage: 'prod' },
  { stage: 'prod', spot: false, viewerReaders: '192.0.2.0/24', viewerOrigins: 'https://viewer.example.org' },
  { stage: 'dev', network: 'existing', vpcId: 'vpc-12345678', subnetIds: 'subnet-12345678' },
  { stage: 'dev', imageUri: undefined },
  { stage: 'prod', canaryHours: 24 },
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
