import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type CfnBucket,
  ObjectOwnership,
  type IBucket,
  type LifecycleRule,
} from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

export interface EncryptedBucketProps {
  readonly key: Key;
  /** Where its access logs go, below a folder of its own. */
  readonly accessLogs: IBucket;
  /** Objects are deleted so many days after they were written. Default: never. */
  readonly expireDays?: number;
  /** Which of them: those below these prefixes. Default: all. */
  readonly expirePrefixes?: readonly string[];
  /** Parts of an upload that was never completed are deleted after so many days. Default: 1. */
  readonly abortUploadDays?: number;
  /** Superseded versions are deleted after so many days. Default: 1. */
  readonly supersededDays?: number;
  /** Whether EventBridge hears of its objects. Default: no. */
  readonly events?: boolean;
  /** Whether it outlives its stack. */
  readonly retain: boolean;
}

/** A private, versioned bucket under our KMS key: TLS 1.2 and up, no ACLs, no other key. */
export class EncryptedBucket extends Bucket {
  constructor(scope: Construct, id: string, props: EncryptedBucketProps) {
    super(scope, id, {
      encryption: BucketEncryption.KMS,
      encryptionKey: props.key,
      bucketKeyEnabled: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      lifecycleRules: lifecycleRules(props),
      serverAccessLogsBucket: props.accessLogs,
      serverAccessLogsPrefix: `${id}/`,
      removalPolicy: props.retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.#refuseOtherEncryption(props.key);
    if (props.events === true) this.#tellEventBridge();
    acknowledge(this, {
      'HIPAA.Security-S3BucketReplicationEnabled':
        'Inputs and results can be made again from what the caller keeps; a copy in a second region would double where patient data lies.',
    });
  }

  /** The default encryption is ours; a request may name it, or nothing. */
  #refuseOtherEncryption(key: Key): void {
    const deny = (sid: string, header: string, value: string): PolicyStatement =>
      new PolicyStatement({
        sid,
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:PutObject'],
        resources: [this.arnForObjects('*')],
        conditions: { StringNotEquals: { [header]: value }, Null: { [header]: 'false' } },
      });
    this.addToResourcePolicy(deny('DenyOtherEncryption', 's3:x-amz-server-side-encryption', 'aws:kms'));
    this.addToResourcePolicy(
      deny('DenyOtherKeys', 's3:x-amz-server-side-encryption-aws-kms-key-id', key.keyArn),
    );
  }

  /** The property of the L2 construct would add a custom resource with a Lambda of its own. */
  #tellEventBridge(): void {
    const bucket = this.node.defaultChild as CfnBucket;
    bucket.addPropertyOverride('NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled', true);
  }
}

/** Rules of every bucket of ours: what is left behind goes, what is told to expire goes. */
export function lifecycleRules(
  props: Pick<EncryptedBucketProps, 'expireDays' | 'expirePrefixes' | 'abortUploadDays' | 'supersededDays'>,
): LifecycleRule[] {
  const { expireDays, expirePrefixes = [''], abortUploadDays = 1, supersededDays = 1 } = props;
  return [
    {
      id: 'left-behind',
      abortIncompleteMultipartUploadAfter: Duration.days(abortUploadDays),
      noncurrentVersionExpiration: Duration.days(supersededDays),
      ...(expireDays === undefined ? { expiredObjectDeleteMarker: true } : {}),
    },
    ...(expireDays === undefined
      ? []
      : expirePrefixes.map((prefix) => ({
          id: prefix === '' ? 'expire' : `expire-${prefix.replace('/', '')}`,
          expiration: Duration.days(expireDays),
          ...(prefix === '' ? {} : { prefix }),
        }))),
  ];
}
