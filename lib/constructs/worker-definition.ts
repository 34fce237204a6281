import { Aws, Duration, Size } from 'aws-cdk-lib';
import {
  Action,
  EcsEc2ContainerDefinition,
  EcsJobDefinition,
  EcsVolume,
  LinuxParameters,
  Reason,
  RetryStrategy,
  TmpfsMountOption,
  type CfnJobDefinition,
  type IJobDefinition,
} from 'aws-cdk-lib/aws-batch';
import { AwsLogDriverMode, LogDriver, type ContainerImage } from 'aws-cdk-lib/aws-ecs';
import { Role, ServicePrincipal, type IRole } from 'aws-cdk-lib/aws-iam';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { DeploymentName } from '../../core/deployment.ts';
import type { SizeTier } from '../../core/plan.ts';
import type { Settings } from '../../core/settings.ts';
import { WORKER_MAX_ATTEMPTS, WORKER_RETRY_RULES, type WorkerRetryRule } from '../../core/worker-retry.ts';
import { acknowledge } from './acknowledge.ts';
import { WORKER_MOUNTS, WORKER_USER } from './worker-mounts.ts';

export interface WorkerDefinitionProps {
  /** Name of the definition: revisions come and go below it. */
  readonly name: string;
  readonly image: ContainerImage;
  /** Graphics cards of a worker. */
  readonly gpus: 0 | 1;
  /** What a worker gets when the workflow asks for nothing else. */
  readonly size: SizeTier;
  readonly logGroup: ILogGroup;
  readonly jobRole: IRole;
  /** Names of what the stacks have made, for core/deployment.ts. */
  readonly deployment: Readonly<Partial<Record<DeploymentName, string>>>;
  /** What the deployment decides of core/settings.ts. */
  readonly settings: Readonly<Partial<Record<keyof Settings, string>>>;
}

/** A worker that is told nothing else ends after a day. */
const LONGEST = Duration.hours(24);
const TEMPORARY = '/tmp';

/** How Batch starts a worker: one container, read-only, as a user without rights. */
export class WorkerDefinition extends Construct {
  /** By name, without a revision: submits take the newest one. */
  readonly definition: IJobDefinition;

  constructor(scope: Construct, id: string, props: WorkerDefinitionProps) {
    super(scope, id);
    const { name, logGroup } = props;
    const revision = new EcsJobDefinition(this, 'Definition', {
      jobDefinitionName: name,
      container: this.#container(props),
      retryAttempts: WORKER_MAX_ATTEMPTS,
      retryStrategies: WORKER_RETRY_RULES.map(retryStrategy),
      timeout: LONGEST,
      propagateTags: true,
      // Running executions hold the revision that they began with.
      skipDeregisterOnUpdate: true,
    });
    (revision.node.defaultChild as CfnJobDefinition).addPropertyOverride('PlatformCapabilities', ['EC2']);
    logGroup.grantWrite(revision.container.executionRole);
    this.definition = EcsJobDefinition.fromJobDefinitionArn(
      this,
      'Newest',
      `arn:${Aws.PARTITION}:batch:${Aws.REGION}:${Aws.ACCOUNT_ID}:job-definition/${name}`,
    );
  }

  #container(props: WorkerDefinitionProps): EcsEc2ContainerDefinition {
    const { image, gpus, size, logGroup, jobRole } = props;
    const volumes = Object.entries(WORKER_MOUNTS).map(([name, mount]) => EcsVolume.host({ name, ...mount }));
    return new EcsEc2ContainerDefinition(this, 'Container', {
      image,
      cpu: size.vcpus,
      memory: Size.mebibytes(size.memoryMib),
      ...(gpus === 0 ? {} : { gpu: gpus }),
      jobRole,
      executionRole: this.#executionRole(),
      user: `${WORKER_USER}:${WORKER_USER}`,
      readonlyRootFilesystem: true,
      linuxParameters: this.#linuxParameters(),
      volumes,
      environment: { ...props.deployment, ...settingsOf(gpus), ...props.settings, AWS_REGION: Aws.REGION },
      logging: LogDriver.awsLogs({
        streamPrefix: 'worker',
        logGroup,
        mode: AwsLogDriverMode.NON_BLOCKING,
        maxBufferSize: Size.mebibytes(16),
      }),
    });
  }

  #linuxParameters(): LinuxParameters {
    const parameters = new LinuxParameters(this, 'Linux', {
      // torch hands tensors over through /dev/shm; Docker's 64 MiB end it with a bus error.
      sharedMemorySize: Size.gibibytes(4),
      initProcessEnabled: true,
    });
    parameters.addTmpfs({
      containerPath: TEMPORARY,
      size: Size.mebibytes(512),
      mountOptions: [TmpfsMountOption.RW, TmpfsMountOption.NOSUID, TmpfsMountOption.NODEV],
    });
    return parameters;
  }

  #executionRole(): Role {
    const role = new Role(this, 'ExecutionRole', {
      description: 'Pulls the image of workers and opens their logs',
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
    });
    acknowledge(role, {
      'AwsSolutions-IAM5[Resource::*]': 'ecr:GetAuthorizationToken knows no resources.',
      'HIPAA.Security-IAMNoInlinePolicy': 'The policy belongs to this role alone and goes with it.',
    });
    return role;
  }
}

/** The settings of a worker in the cloud. */
function settingsOf(gpus: 0 | 1): Readonly<Partial<Record<keyof Settings, string>>> {
  const scratch = WORKER_MOUNTS.scratch.containerPath;
  return {
    HPB_DATA_ROOT: scratch,
    HPB_IN_ROOT: `${scratch}/in`,
    HPB_OUT_ROOT: `${scratch}/out`,
    HPB_MODELS_ROOT: WORKER_MOUNTS.models.containerPath,
    HPB_DEVICE: gpus === 0 ? 'cpu' : 'cuda',
  };
}

function retryStrategy(rule: WorkerRetryRule): RetryStrategy {
  const { action, onExitCode, onReason, onStatusReason } = rule;
  return RetryStrategy.of(
    Action[action],
    Reason.custom({
      ...(onExitCode === undefined ? {} : { onExitCode }),
      ...(onReason === undefined ? {} : { onReason }),
      ...(onStatusReason === undefined ? {} : { onStatusReason }),
    }),
  );
}
