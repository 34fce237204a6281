import { RemovalPolicy } from 'aws-cdk-lib';
import { AnyPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  HttpMethods,
  ObjectOwnership,
  type IBucket,
  type CorsRule,
} from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { isPublicRange, type StageConfig } from '../config/read-config.ts';
import { acknowledge } from './acknowledge.ts';
import { lifecycleRules } from './encrypted-bucket.ts';

/** What browsers may read of the viewer bucket. */
export const VIEWER_PREFIX = 'liverCases/';

export interface ViewerBucketProps {
  readonly config: Pick<
    StageConfig,
    'viewerOrigins' | 'viewerReaders' | 'viewerRetentionDays' | 'retainData'
  >;
  readonly accessLogs: IBucket;
}

/**
 * The bucket that the viewer lists and reads from a browser, without credentials: closed until `viewerReaders` names
 * address ranges or VPC endpoints. Encrypted by S3's own key, since an anonymous reader can use no other.
 */
export class ViewerBucket extends Bucket {
  constructor(scope: Construct, id: string, { config, accessLogs }: ViewerBucketProps) {
    const { viewerOrigins, viewerReaders, viewerRetentionDays, retainData } = config;
    const open = viewerReaders.some(isPublicRange);
    super(scope, id, {
      encryption: BucketEncryption.S3_MANAGED,
      // S3 takes a policy that is bound to ranges of addresses for private; only the whole world needs this off.
      blockPublicAccess: open
        ? new BlockPublicAccess({
            blockPublicAcls: true,
            ignorePublicAcls: true,
            blockPublicPolicy: false,
            restrictPublicBuckets: false,
          })
        : BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      cors: corsRules(viewerOrigins),
      lifecycleRules: lifecycleRules(viewerRetentionDays === 0 ? {} : { expireDays: viewerRetentionDays }),
      serverAccessLogsBucket: accessLogs,
      serverAccessLogsPrefix: `${id}/`,
      removalPolicy: retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.#letRead(viewerReaders);
    acknowledgeFindings(this, open);
  }

  #letRead(readers: readonly string[]): void {
    const endpoints = readers.filter((reader) => reader.startsWith('vpce-'));
    const ranges = readers.filter((reader) => !reader.startsWith('vpce-'));
    if (ranges.length > 0) this.#letReadFrom('Ranges', { IpAddress: { 'aws:SourceIp': ranges } });
    if (endpoints.length > 0) {
      this.#letReadFrom('Endpoints', { StringEquals: { 'aws:SourceVpce': endpoints } });
    }
  }

  #letReadFrom(name: string, from: Readonly<Record<string, Readonly<Record<string, unknown>>>>): void {
    const principals = [new AnyPrincipal()];
    this.addToResourcePolicy(
      new PolicyStatement({
        sid: `ReadFrom${name}`,
        principals,
        actions: ['s3:GetObject'],
        resources: [this.arnForObjects(`${VIEWER_PREFIX}*`)],
        conditions: from,
      }),
    );
    this.addToResourcePolicy(
      new PolicyStatement({
        sid: `ListFrom${name}`,
        principals,
        actions: ['s3:ListBucket'],
        resources: [this.bucketArn],
        conditions: { ...from, StringLike: { 's3:prefix': [`${VIEWER_PREFIX}*`] } },
      }),
    );
  }
}

function acknowledgeFindings(bucket: Bucket, open: boolean): void {
  acknowledge(bucket, {
    'HIPAA.Security-S3BucketReplicationEnabled':
      'Published cases are copies of results that can be published again.',
    'HIPAA.Security-S3DefaultEncryptionKMS':
      'Browsers read it without credentials, which KMS does not serve; it is encrypted by S3 and holds no patient identifiers.',
  });
  if (!open) return;
  const reason = 'The deployment said viewerOpenToTheWorld.';
  acknowledge(bucket, {
    'AwsSolutions-S2': reason,
    'AwsSolutions-S5': reason,
    'HIPAA.Security-S3BucketLevelPublicAccessProhibited': reason,
    'HIPAA.Security-S3BucketPublicReadProhibited': reason,
    'HIPAA.Security-S3BucketPublicWriteProhibited': `${reason} ACLs stay blocked and the policy lets nobody write.`,
  });
}

function corsRules(origins: readonly string[]): CorsRule[] {
  if (origins.length === 0) return [];
  return [
    {
      allowedOrigins: [...origins],
      allowedMethods: [HttpMethods.GET, HttpMethods.HEAD],
      allowedHeaders: ['*'],
      exposedHeaders: ['ETag', 'Content-Length', 'Content-Range'],
      maxAge: 3_600,
    },
  ];
}
