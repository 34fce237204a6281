import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { MODELS_PREFIX } from '../../core/layout.ts';
import { metricNamespace } from '../../core/metrics.ts';
import type { DataStack } from '../data-stack.ts';
import { acknowledge, exportName } from './acknowledge.ts';
import { jobObjects, type ObjectWork } from './job-objects.ts';
import { publishToViewer } from './service-permissions.ts';
import { VIEWER_PREFIX } from './viewer-bucket.ts';

export interface WorkerRoleProps {
  /** Name of the deployment. */
  readonly stage: string;
  readonly data: DataStack;
  /** ARN of the KMS key that receipts are signed with. Default: they are not. */
  readonly signingKeyArn?: string | undefined;
  /** Whether they unpack and publish, into the viewer too, instead of running shards. Default: no. */
  readonly publishes?: boolean;
}

/** Of a worker that runs shards: CTs of jobs, or uploads that a manifest names. */
const SHARD_WORK = {
  Jobs: ['read', 'writeLarge', 'remove'],
  Uploads: ['read'],
} as const satisfies ObjectWork;
/** Of one that unpacks uploads and publishes results, and ends jobs by that. */
const SERVICE_WORK = {
  Jobs: ['read', 'writeLarge'],
  Uploads: ['read'],
  Index: ['read', 'write', 'remove'],
} as const satisfies ObjectWork;

/** What workers may do: jobs read and written, weights read or cases published, receipts signed, figures told. */
export class WorkerRole extends Role {
  constructor(scope: Construct, id: string, props: WorkerRoleProps) {
    const { data } = props;
    super(scope, id, {
      description: 'Workers: jobs, weights, receipts, metrics',
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
    });
    const objects = jobObjects(data, props.publishes === true ? SERVICE_WORK : SHARD_WORK);
    const policy = new ManagedPolicy(this, 'Policy', {
      description: 'What workers may do',
      statements: [...objects.statements, ...statements(props)],
    });
    this.addManagedPolicy(policy);
    const folder = (bucket: Bucket, prefix: string): string =>
      `AwsSolutions-IAM5[Resource::${exportName(bucket.bucketArn, bucket)}/${prefix}*]`;
    acknowledge(policy, {
      'AwsSolutions-IAM5[Resource::*]': 'PutMetricData knows no resources; the namespace bounds it.',
      ...objects.wildcards,
      ...(props.publishes === true
        ? { [folder(data.viewerBucket, VIEWER_PREFIX)]: 'Cases are named after their jobs.' }
        : { [folder(data.modelsBucket, MODELS_PREFIX)]: 'A worker reads any model.' }),
    });
  }
}

function statements({ stage, data, signingKeyArn, publishes = false }: WorkerRoleProps): PolicyStatement[] {
  const { key } = data;
  return [
    ...(publishes ? publishToViewer(data) : readWeights(data)),
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

const readWeights = ({ modelsBucket }: DataStack): readonly PolicyStatement[] => [
  new PolicyStatement({
    sid: 'ListWeights',
    actions: ['s3:ListBucket'],
    resources: [modelsBucket.bucketArn],
  }),
  new PolicyStatement({
    sid: 'Weights',
    actions: ['s3:GetObject'],
    resources: [modelsBucket.arnForObjects(`${MODELS_PREFIX}*`)],
  }),
];
