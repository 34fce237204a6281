import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { MODELS_PREFIX } from '../../core/layout.ts';
import { METRIC_NAMESPACE } from '../../core/metrics.ts';
import type { DataStack } from '../data-stack.ts';
import { acknowledge, exportName } from './acknowledge.ts';
import { VIEWER_PREFIX } from './viewer-bucket.ts';

/** What workers may do: jobs read and written, weights read, cases published, figures told. */
export class WorkerRole extends Role {
  constructor(scope: Construct, id: string, data: DataStack) {
    super(scope, id, {
      description: 'Workers: jobs, weights, viewer cases, metrics',
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
    });
    const policy = new ManagedPolicy(this, 'Policy', {
      description: 'What workers may do',
      statements: statements(data),
    });
    this.addManagedPolicy(policy);
    const folder = (bucket: Bucket, prefix: string): string =>
      `AwsSolutions-IAM5[Resource::${exportName(bucket.bucketArn, bucket)}/${prefix}*]`;
    acknowledge(policy, {
      'AwsSolutions-IAM5[Resource::*]': 'PutMetricData knows no resources; the namespace bounds it.',
      [folder(data.jobsBucket, '')]: 'A worker runs any job, and everything in the bucket belongs to jobs.',
      [folder(data.modelsBucket, MODELS_PREFIX)]: 'A worker reads any model.',
      [folder(data.viewerBucket, VIEWER_PREFIX)]: 'The caller chooses the folder of a published case.',
    });
  }
}

function statements({ key, jobsBucket, modelsBucket, viewerBucket }: DataStack): PolicyStatement[] {
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
      sid: 'Viewer',
      actions: ['s3:PutObject', 's3:AbortMultipartUpload'],
      resources: [viewerBucket.arnForObjects(`${VIEWER_PREFIX}*`)],
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
      conditions: { StringEquals: { 'cloudwatch:namespace': METRIC_NAMESPACE } },
    }),
  ];
}
