import {
  BatchClient,
  DescribeComputeEnvironmentsCommand,
  DescribeJobQueuesCommand,
  paginateDescribeJobDefinitions,
  type JobDefinition,
} from '@aws-sdk/client-batch';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DescribeImagesCommand, ECRClient, type ImageIdentifier } from '@aws-sdk/client-ecr';
import { GetServiceQuotaCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { DescribeStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { GetCallerIdentityCommand, STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import { awsError, isAwsError } from './aws-error.ts';

/** A stack as CloudFormation has it. */
export interface StackFacts {
  /** Such as `UPDATE_COMPLETE`. */
  readonly status: string;
  readonly reason: string | null;
  readonly outputs: Readonly<Record<string, string>>;
}

/** Whether a part of Batch takes work: `ENABLED` and `VALID` when it does. */
interface BatchStanding {
  readonly name: string;
  readonly state: string;
  readonly status: string;
  readonly reason: string | null;
}

/** A queue of Batch. */
export interface QueueFacts extends BatchStanding {
  /** ARNs of its compute environments. */
  readonly environments: readonly string[];
}

/** A compute environment of Batch. */
export interface EnvironmentFacts extends BatchStanding {
  readonly maxVcpus: number;
  readonly isSpot: boolean;
  /** Whether its machines count against the quotas of G and VT instances. */
  readonly isGpu: boolean;
}

/** An image in ECR by digest or tag. */
export interface EcrImage {
  readonly registryId: string;
  readonly repositoryName: string;
  readonly imageId: { readonly imageDigest: string } | { readonly imageTag: string };
}

/**
 * What `hpb doctor --aws` asks of an account, with the caller's credentials; nothing is changed. All throw
 * SERVICE_UNREACHABLE with AWS's own name of the error in `details.error`.
 */
export interface CloudAccount {
  identity(): Promise<{ readonly account: string; readonly arn: string; readonly region: string }>;
  /** An applied quota of EC2, vCPUs; null when AWS knows none of this code. */
  quota(code: string): Promise<number | null>;
  /** Null when there is no such stack. */
  stack(name: string): Promise<StackFacts | null>;
  /** The image of the newest active revision of a job definition, whose ARN has none; null when there is none. */
  definitionImage(arn: string): Promise<string | null>;
  hasImage(image: EcrImage): Promise<boolean>;
  queues(arns: readonly string[]): Promise<readonly QueueFacts[]>;
  environments(arns: readonly string[]): Promise<readonly EnvironmentFacts[]>;
  /** `ACTIVE` when executions can start. */
  machineStatus(arn: string): Promise<string>;
}

/** Where the clients go; default: the standard AWS chain. */
export type AccountClientOptions = Pick<STSClientConfig, 'region' | 'endpoint' | 'credentials'>;

/** The account that the standard AWS credentials are of. */
export class AwsAccount implements CloudAccount {
  readonly #options: AccountClientOptions;
  readonly #batch: BatchClient;

  constructor(options: AccountClientOptions = {}) {
    this.#options = options;
    this.#batch = new BatchClient(options);
  }

  identity(): ReturnType<CloudAccount['identity']> {
    return asked('STS', async () => {
      const client = new STSClient(this.#options);
      const region = await client.config.region();
      const { Account = '', Arn = '' } = await client.send(new GetCallerIdentityCommand({}));
      return { account: Account, arn: Arn, region };
    });
  }

  quota(code: string): Promise<number | null> {
    return asked('Service Quotas', async () => {
      const client = new ServiceQuotasClient(this.#options);
      const query = new GetServiceQuotaCommand({ ServiceCode: 'ec2', QuotaCode: code });
      const answer = await orNull(client.send(query), 'NoSuchResourceException');
      return answer?.Quota?.Value ?? null;
    });
  }

  stack(name: string): Promise<StackFacts | null> {
    return asked('CloudFormation', async () => {
      const client = new CloudFormationClient(this.#options);
      const answer = await client
        .send(new DescribeStacksCommand({ StackName: name }))
        .catch((thrown: unknown) => {
          // It has no name of its own for a stack that is not there.
          if (thrown instanceof Error && /does not exist/.test(thrown.message)) return null;
          throw thrown;
        });
      const stack = answer?.Stacks?.[0];
      if (stack === undefined) return null;
      const outputs = (stack.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]);
      return {
        status: stack.StackStatus ?? 'UNKNOWN',
        reason: stack.StackStatusReason ?? null,
        outputs: Object.fromEntries(outputs) as Record<string, string>,
      };
    });
  }

  definitionImage(arn: string): Promise<string | null> {
    return asked('Batch', async () => {
      // By its name: Batch describes by ARN only what has a revision in it.
      const jobDefinitionName = arn.slice(arn.lastIndexOf('/') + 1);
      const pages = paginateDescribeJobDefinitions(
        { client: this.#batch },
        { jobDefinitionName, status: 'ACTIVE' },
      );
      let newest: JobDefinition | undefined;
      for await (const { jobDefinitions = [] } of pages)
        for (const one of jobDefinitions) if ((one.revision ?? 0) > (newest?.revision ?? 0)) newest = one;
      return newest?.containerProperties?.image ?? null;
    });
  }

  hasImage({ registryId, repositoryName, imageId }: EcrImage): Promise<boolean> {
    return asked('ECR', async () => {
      const client = new ECRClient(this.#options);
      const imageIds: ImageIdentifier[] = [imageId];
      const query = new DescribeImagesCommand({ registryId, repositoryName, imageIds });
      const noRepository = 'RepositoryNotFoundException';
      const answer = await orNull(client.send(query), 'ImageNotFoundException', noRepository);
      return (answer?.imageDetails ?? []).length > 0;
    });
  }

  queues(arns: readonly string[]): Promise<readonly QueueFacts[]> {
    return asked('Batch', async () => {
      const { jobQueues = [] } = await this.#batch.send(
        new DescribeJobQueuesCommand({ jobQueues: [...arns] }),
      );
      return jobQueues.map(({ jobQueueName, state, status, statusReason, computeEnvironmentOrder }) => ({
        ...standing({ name: jobQueueName, state, status, reason: statusReason }),
        environments: (computeEnvironmentOrder ?? []).flatMap(
          ({ computeEnvironment }) => computeEnvironment ?? [],
        ),
      }));
    });
  }

  environments(arns: readonly string[]): Promise<readonly EnvironmentFacts[]> {
    return asked('Batch', async () => {
      const { computeEnvironments = [] } = await this.#batch.send(
        // By name, which emulators understand as well.
        new DescribeComputeEnvironmentsCommand({ computeEnvironments: arns.map(nameIn) }),
      );
      return computeEnvironments.map(
        ({ computeEnvironmentName, state, status, statusReason, computeResources }) => ({
          ...standing({ name: computeEnvironmentName, state, status, reason: statusReason }),
          maxVcpus: computeResources?.maxvCpus ?? 0,
          isSpot: computeResources?.type === 'SPOT',
          isGpu: (computeResources?.instanceTypes ?? []).some((type) => /^(g\d|vt)/.test(type)),
        }),
      );
    });
  }

  machineStatus(arn: string): Promise<string> {
    return asked('Step Functions', async () => {
      const query = new DescribeStateMachineCommand({ stateMachineArn: arn });
      return (await new SFNClient(this.#options).send(query)).status ?? 'ACTIVE';
    });
  }
}

const nameIn = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1);

const standing = (given: Readonly<Record<keyof BatchStanding, string | undefined>>): BatchStanding => ({
  name: given.name ?? '',
  state: given.state ?? 'UNKNOWN',
  status: given.status ?? 'UNKNOWN',
  reason: given.reason ?? null,
});

async function asked<T>(service: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (thrown) {
    throw awsError(service, thrown);
  }
}

/** The answer; null for errors of these names. */
async function orNull<T>(answer: Promise<T>, ...names: readonly string[]): Promise<T | null> {
  try {
    return await answer;
  } catch (thrown) {
    if (names.some((name) => isAwsError(thrown, name))) return null;
    throw thrown;
  }
}
