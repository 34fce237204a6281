import { Aws, RemovalPolicy } from 'aws-cdk-lib';
import { AnyPrincipal, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

export interface DataKeyProps {
  readonly stage: string;
  /** Whether it outlives its stack. */
  readonly retain: boolean;
}

const USE = ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'];

/** Services that put messages into an encrypted topic or queue; without the key they drop them without a word. */
const MESSENGERS = {
  events: 'events.amazonaws.com',
  cloudwatch: 'cloudwatch.amazonaws.com',
  sns: 'sns.amazonaws.com',
  budgets: 'budgets.amazonaws.com',
} as const;
/**
 * Those that do not tell KMS for which account they ask: a condition on it would refuse every message. Topics and
 * queues say themselves from which account they take any.
 */
const WITHOUT_ACCOUNT: ReadonlySet<string> = new Set(['events', 'cloudwatch']);

/**
 * Roles of AWS that start machines for Batch and attach the encrypted volume: which of them does is its choice. Without
 * the key the machine ends before it has begun, and jobs wait for ever.
 */
const VOLUME_ROLES = {
  autoscaling: 'AWSServiceRoleForAutoScaling',
  spot: 'AWSServiceRoleForEC2Spot',
  ec2fleet: 'AWSServiceRoleForEC2Fleet',
  batch: 'AWSServiceRoleForBatch',
} as const;

/**
 * The key of everything that a deployment keeps: buckets, logs, queues, topics, images, volumes. Its policy names every
 * service that has to use it by itself; roles of the account get it through their own policies.
 */
export class DataKey extends Key {
  constructor(scope: Construct, id: string, { stage, retain }: DataKeyProps) {
    super(scope, id, {
      description: `HPB segmentation, ${stage}: inputs, results, logs and images`,
      alias: `hpb-${stage}`,
      enableKeyRotation: true,
      removalPolicy: retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    for (const [name, service] of Object.entries(MESSENGERS)) this.#letService(name, service);
    this.#letLogs();
    this.#letDelivery();
    for (const [service, role] of Object.entries(VOLUME_ROLES)) this.#letVolumeRole(service, role);
  }

  #letService(name: string, service: string): void {
    this.addToResourcePolicy(
      new PolicyStatement({
        sid: `Messages${capital(name)}`,
        principals: [new ServicePrincipal(service)],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        resources: ['*'],
        ...(WITHOUT_ACCOUNT.has(name)
          ? {}
          : { conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } } }),
      }),
    );
  }

  #letLogs(): void {
    const groups = `arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:*`;
    this.addToResourcePolicy(
      new PolicyStatement({
        sid: 'LogGroups',
        principals: [new ServicePrincipal(`logs.${Aws.REGION}.${Aws.URL_SUFFIX}`)],
        actions: USE,
        resources: ['*'],
        conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': groups } },
      }),
    );
  }

  /** Logs of an encrypted state machine come through this service, which names their region and account. */
  #letDelivery(): void {
    const logs = `arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:*`;
    this.addToResourcePolicy(
      new PolicyStatement({
        sid: 'LogDelivery',
        principals: [new ServicePrincipal('delivery.logs.amazonaws.com')],
        actions: ['kms:Decrypt*', 'kms:GenerateDataKey*'],
        resources: ['*'],
        conditions: { StringEquals: { 'kms:EncryptionContext:SourceArn': logs } },
      }),
    );
  }

  /** Named by a condition: a policy that names a role as principal is refused where the role does not exist yet. */
  #letVolumeRole(service: string, role: string): void {
    const arn = `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/aws-service-role/${service}.amazonaws.com/${role}`;
    const ofRole = {
      StringEquals: { 'kms:CallerAccount': Aws.ACCOUNT_ID },
      ArnEquals: { 'aws:PrincipalArn': arn },
    };
    const name = capital(service);
    const principals = [new AnyPrincipal()];
    this.addToResourcePolicy(
      new PolicyStatement({
        sid: `Volumes${name}`,
        principals,
        actions: USE,
        resources: ['*'],
        conditions: ofRole,
      }),
    );
    this.addToResourcePolicy(
      new PolicyStatement({
        sid: `VolumeGrants${name}`,
        principals,
        actions: ['kms:CreateGrant'],
        resources: ['*'],
        conditions: { ...ofRole, Bool: { 'kms:GrantIsForAWSResource': 'true' } },
      }),
    );
  }
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
