import { Aws, CfnOutput, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import type { IJobDefinition, JobQueue } from 'aws-cdk-lib/aws-batch';
import type { IVpc } from 'aws-cdk-lib/aws-ec2';
import type { Repository } from 'aws-cdk-lib/aws-ecr';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { DeploymentName } from '../core/deployment.ts';
import { SIZE_TIERS } from '../core/plan.ts';
import { deploymentTags } from './config/deployment-tags.ts';
import type { StageConfig } from './config/read-config.ts';
import { CpuCompute } from './constructs/cpu-compute.ts';
import { GpuCompute } from './constructs/gpu-compute.ts';
import { Network } from './constructs/network.ts';
import { WorkerDefinition } from './constructs/worker-definition.ts';
import { WorkerHost } from './constructs/worker-host.ts';
import { workerImage } from './constructs/worker-image.ts';
import { WorkerRole } from './constructs/worker-role.ts';
import type { DataStack } from './data-stack.ts';

export interface ComputeStackProps extends StackProps {
  readonly config: StageConfig;
  readonly data: DataStack;
}

/** Of workers without a GPU, unless the workflow asks for something else. */
const CPU_SIZE = { memoryMib: 4_000, vcpus: 2 } as const;

/** Where workers run: network, machines, queues and what is started on them. */
export class ComputeStack extends Stack {
  /** Of single cases. */
  readonly interactiveQueue: JobQueue;
  /** Of archives. */
  readonly bulkQueue: JobQueue;
  /** Of workers without a GPU: large archives and results. */
  readonly cpuQueue: JobQueue;
  readonly workerDefinition: IJobDefinition;
  readonly cpuDefinition: IJobDefinition;
  readonly workerLogGroup: LogGroup;
  readonly repository: Repository;
  readonly vpc: IVpc;

  constructor(scope: Construct, id: string, props: ComputeStackProps) {
    super(scope, id, props);
    const { config, data } = props;
    this.repository = data.repository;
    this.workerLogGroup = this.#logGroup('WorkerLogs', props);
    const flowLogs = this.#logGroup('FlowLogs', props);
    const network = new Network(this, 'Network', { config, flowLogs });
    this.vpc = network.vpc;
    const machines = {
      network,
      host: new WorkerHost(this, 'Host', { key: data.key }),
      scaleDownDelayMinutes: config.scaleDownDelayMinutes,
      tags: deploymentTags(config),
    };
    const gpu = new GpuCompute(this, 'Gpu', { config, machines });
    this.interactiveQueue = gpu.interactiveQueue;
    this.bulkQueue = gpu.bulkQueue;
    this.cpuQueue = new CpuCompute(this, 'Cpu', { config, machines }).queue;
    const worker = {
      image: workerImage(this, config),
      logGroup: this.workerLogGroup,
      jobRole: new WorkerRole(this, 'WorkerRole', {
        stage: config.stage,
        data,
        signingKeyArn: config.signingKeyArn,
      }),
      deployment: this.#deployment(props),
      settings: {
        HPB_WEIGHTS: config.weights,
        HPB_MAX_BATCH: String(config.maxCasesPerJob),
        ...provenance(config),
      },
    };
    this.workerDefinition = new WorkerDefinition(this, 'Worker', {
      ...worker,
      name: `hpb-${config.stage}-worker`,
      gpus: 1,
      size: SIZE_TIERS[1],
    }).definition;
    this.cpuDefinition = new WorkerDefinition(this, 'CpuWorker', {
      ...worker,
      jobRole: new WorkerRole(this, 'CpuWorkerRole', { stage: config.stage, data, publishes: true }),
      name: `hpb-${config.stage}-cpu-worker`,
      gpus: 0,
      size: CPU_SIZE,
    }).definition;
    this.#tell();
  }

  /** Lets somebody start, watch and stop workers on all queues. */
  grantRun(grantee: IGrantable): void {
    const ofBatch = (resource: string): string =>
      `arn:${Aws.PARTITION}:batch:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`;
    const definitions = [this.workerDefinition, this.cpuDefinition].map(
      ({ jobDefinitionArn }) => jobDefinitionArn,
    );
    Grant.addToPrincipal({
      grantee,
      actions: ['batch:SubmitJob'],
      resourceArns: [
        ...[this.interactiveQueue, this.bulkQueue, this.cpuQueue].map(({ jobQueueArn }) => jobQueueArn),
        ...definitions.flatMap((arn) => [arn, `${arn}:*`]),
      ],
    });
    Grant.addToPrincipal({ grantee, actions: ['batch:TerminateJob'], resourceArns: [ofBatch('job/*')] });
    // It knows no resources. Without it a stopped execution leaves its workers running.
    Grant.addToPrincipal({ grantee, actions: ['batch:DescribeJobs'], resourceArns: ['*'] });
  }

  #logGroup(id: string, { config, data }: ComputeStackProps): LogGroup {
    return new LogGroup(this, id, {
      encryptionKey: data.key,
      retention: config.logRetentionDays as RetentionDays,
      removalPolicy: config.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }

  #deployment({ config, data }: ComputeStackProps): Readonly<Partial<Record<DeploymentName, string>>> {
    return {
      HPB_STAGE: config.stage,
      HPB_JOBS_BUCKET: data.jobsBucket.bucketName,
      HPB_MODELS_BUCKET: data.modelsBucket.bucketName,
      HPB_VIEWER_BUCKET: data.viewerBucket.bucketName,
      HPB_KEY_ARN: data.key.keyArn,
      HPB_WORKER_LOG_GROUP: this.workerLogGroup.logGroupName,
    };
  }

  #tell(): void {
    const told = {
      InteractiveQueueArn: this.interactiveQueue.jobQueueArn,
      BulkQueueArn: this.bulkQueue.jobQueueArn,
      CpuQueueArn: this.cpuQueue.jobQueueArn,
      WorkerDefinitionArn: this.workerDefinition.jobDefinitionArn,
      CpuDefinitionArn: this.cpuDefinition.jobDefinitionArn,
      WorkerLogGroupName: this.workerLogGroup.logGroupName,
    };
    for (const [name, value] of Object.entries(told)) new CfnOutput(this, name, { value });
  }
}

/** What the receipts of workers name and are signed with. An image that is built at the deployment has no digest yet. */
function provenance({
  imageUri,
  signingKeyArn,
}: StageConfig): Readonly<Partial<Record<'HPB_IMAGE_DIGEST' | 'HPB_SIGNING_KMS_KEY', string>>> {
  const digest = imageUri?.split('@')[1];
  return {
    ...(digest === undefined ? {} : { HPB_IMAGE_DIGEST: digest }),
    ...(signingKeyArn === undefined ? {} : { HPB_SIGNING_KMS_KEY: signingKeyArn }),
  };
}
