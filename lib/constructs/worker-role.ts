import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { MODELS_PREFIX } from '../../core/layout.ts';
import { metricNamespace } from '../../core/metrics.ts';
import type { DataStack } from '../data-stack.ts';
import { acknowledge, exportName } from './acknowledge.ts';
import { publishToViewer } from './service-permissions.ts';
import { VIEWER_PREFIX } from './viewer-bucket.ts';

export interface WorkerRoleProps {
  /** Name of the deployment. */
  readonly stage: string;
  readonly data: DataStack;
  /** ARN of the KMS key that receipts are signed with. Default: they are not. */
  readonly signingKeyArn?: string | undefined;
  /** Whether they put cases into the viewer: those that publish large results. Default: no. */
  readonly publishes?: boolean;
}

/** What workers may do: jobs read and written, weights read, receipts signed, figures told. */
export class WorkerRole extends Role {
  constructor(scope: Construct, id: string, props: WorkerRoleProps) {
    const { data } = props;
    super(scope, id, {
      description: 'Workers: jobs, weights, receipts, metrics',
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
    });
    const policy = new ManagedPolicy(this, 'Policy', {
      description: 'What workers may do',
      statements: statements(props),
    });
    this.addManagedPolicy(policy);
    const folder = (bucket: Bucket, prefix: string): string =>
      `AwsSolutions-IAM5[Resource::${exportName(bucket.bucketArn, bucket)}/${prefix}*]`;
    if (props.publishes === true) {
      acknowledge(policy, {
        [folder(data.viewerBucket, VIEWER_PREFIX)]: 'Cases are named after their jobs.',
      });
    }
    acknowledge(policy, {
      'AwsSolutions-IAM5[Resource::*]': 'PutMetricData knows no resources; the namespace bounds it.',
      [folder(data.jobsBucket, '')]: 'A worker runs any job, and everything in the bucket belongs to jobs.',
      [folder(data.modelsBucket, MODELS_PREFIX)]: 'A worker reads any model.',
    });
  }
}

function statements({ stage, data, signingKeyArn, publishes = false }: WorkerRoleProps): PolicyStatement[] {
  const { key, jobsBucket, modelsBucket } = data;
  return [
    new PolicyStatement({
      sid: 'Jobs',
      actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      resources: [jobsBucket.arnForObjects('*')],
    }),
    new PolicyStatement({
      sid: 'List',
      actions: ['s3:ListBucket'],
      resources: [jobsBucket.bucketArn, modelsBucket.bucketArn],
    }),
    new PolicyStatement({
      sid: 'Weights',
      actions: ['s3:GetObject'],
      resources: [modelsBucket.arnForObjects(`${MODELS_PREFIX}*`)],
    }),
    new PolicyStatement({
      sid: 'Key',
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: [key.keyArn],
    }),
    new PolicyStatement({
      sid: 'Metrics',
      actions: ['cloudwatch:PutMetricData'],
      resources: ['*'],
      conditions: { StringEquals: { 'cloudwatch:namespace': metricNamespace(stage) } },
    }),
    ...(publishes ? publishToViewer(data) : []),
    ...(signingKeyArn === undefined
      ? []
      : [
          new PolicyStatement({
            sid: 'Receipts',
            actions: ['kms:GetPublicKey', 'kms:Sign'],
            resources: [signingKeyArn],
          }),
        ]),
  ];
}
