import {
  BatchClient,
  CreateComputeEnvironmentCommand,
  CreateJobQueueCommand,
  DeregisterJobDefinitionCommand,
  RegisterJobDefinitionCommand,
} from '@aws-sdk/client-batch';
import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import { CreateRepositoryCommand, ECRClient, PutImageCommand } from '@aws-sdk/client-ecr';
import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
import { AwsAccount } from '../../adapters/cloud-account.ts';
import { clientOptions, ministack, moto, uniqueName } from '../fixtures/emulators.ts';

const emulators = { MiniStack: ministack, moto } as const;
const ROLE = 'arn:aws:iam::123456789012:role/any';

async function accountIn(name: keyof typeof emulators) {
  const options = clientOptions(await emulators[name]());
  return { options, account: new AwsAccount(options) };
}

describe.each(['MiniStack', 'moto'] as const)('an account in %s', (emulator) => {
  it('tells who asks, and where', async () => {
    const { account } = await accountIn(emulator);

    expect(await account.identity()).toMatchObject({
      account: expect.stringMatching(/^\d{12}$/),
      arn: expect.stringMatching(/^arn:aws:/),
      region: 'us-east-1',
    });
  });

  it('tells the state of a stack with its outputs, and null for one that is not there', async () => {
    const { account, options } = await accountIn(emulator);
    const name = uniqueName('hpb-stack');
    const template = {
      Resources: { Queue: { Type: 'AWS::SQS::Queue' } },
      Outputs: { QueueName: { Value: { 'Fn::GetAtt': ['Queue', 'QueueName'] } } },
    };
    await new CloudFormationClient(options).send(
      new CreateStackCommand({ StackName: name, TemplateBody: JSON.stringify(template) }),
    );

    await expect
      .poll(() => account.stack(name))
      .toMatchObject({
        status: 'CREATE_COMPLETE',
        outputs: { QueueName: expect.any(String) },
      });
    expect(await account.stack(uniqueName('hpb-none'))).toBeNull();
  });

  it('knows an image by its digest, and which there is none of', async () => {
    const { account, options } = await accountIn(emulator);
    const client = new ECRClient(options);
    const repositoryName = uniqueName('worker');
    const { repository } = await client.send(new CreateRepositoryCommand({ repositoryName }));
    const registryId = repository!.registryId!;
    const { image } = await client.send(
      new PutImageCommand({ repositoryName, imageTag: '1', imageManifest: MANIFEST }),
    );
    const imageDigest = image!.imageId!.imageDigest!;

    const has = (repository: string, digest: string): Promise<boolean> =>
      account.hasImage({ registryId, repositoryName: repository, imageId: { imageDigest: digest } });
    expect(await has(repositoryName, imageDigest)).toBe(true);
    expect(await has(repositoryName, `sha256:${'0'.repeat(64)}`)).toBe(false);
    expect(await has('no-such-repository', imageDigest)).toBe(false);
  });

  it('tells whether a state machine is active', async () => {
    const { account, options } = await accountIn(emulator);
    const { stateMachineArn } = await new SFNClient(options).send(
      new CreateStateMachineCommand({
        name: uniqueName('machine'),
        roleArn: ROLE,
        definition: JSON.stringify({ StartAt: 'End', States: { End: { Type: 'Succeed' } } }),
      }),
    );

    expect(await account.machineStatus(stateMachineArn!)).toBe('ACTIVE');
    await expect(account.machineStatus(`${stateMachineArn!}-gone`)).rejects.toMatchObject({
      code: 'SERVICE_UNREACHABLE',
      details: { error: 'StateMachineDoesNotExist' },
    });
  });
});

const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
  config: {
    mediaType: 'application/vnd.docker.container.image.v1+json',
    size: 2,
    digest: `sha256:${'1'.repeat(64)}`,
  },
  layers: [],
});

describe('Batch, as MiniStack has it', () => {
  it('tells the standing of queues and of the environments behind them', async () => {
    const { account, options } = await accountIn('MiniStack');
    const batch = new BatchClient(options);
    const { computeEnvironmentArn } = await batch.send(
      new CreateComputeEnvironmentCommand({
        computeEnvironmentName: uniqueName('spot'),
        type: 'MANAGED',
        state: 'ENABLED',
        computeResources: {
          type: 'SPOT',
          maxvCpus: 32,
          instanceTypes: ['g4dn.xlarge', 'g4dn.2xlarge'],
          subnets: ['subnet-0123456789'],
        },
      }),
    );
    const { jobQueueArn } = await batch.send(
      new CreateJobQueueCommand({
        jobQueueName: uniqueName('queue'),
        state: 'DISABLED',
        priority: 1,
        computeEnvironmentOrder: [{ order: 1, computeEnvironment: computeEnvironmentArn }],
      }),
    );

    const [queue] = await account.queues([jobQueueArn!]);
    expect(queue).toMatchObject({
      state: 'DISABLED',
      status: 'VALID',
      environments: [computeEnvironmentArn],
    });
    expect(await account.environments(queue!.environments)).toMatchObject([
      { state: 'ENABLED', status: 'VALID', maxVcpus: 32, isSpot: true, isGpu: true },
    ]);
  });
});

it('the image of a job definition is that of its newest revision, by the ARN that stacks tell, without one', async () => {
  const { account, options } = await accountIn('moto');
  const jobDefinitionName = uniqueName('worker');
  const register = async (image: string): Promise<string> => {
    const { jobDefinitionArn } = await new BatchClient(options).send(
      new RegisterJobDefinitionCommand({
        jobDefinitionName,
        type: 'container',
        containerProperties: { image, vcpus: 1, memory: 4 },
      }),
    );
    return jobDefinitionArn!;
  };
  await register('registry/worker:1');
  const arn = (await register('registry/worker:2')).replace(/:\d+$/, '');
  await register('registry/worker:3');
  const dropped = await register('registry/worker:4');
  await new BatchClient(options).send(new DeregisterJobDefinitionCommand({ jobDefinition: dropped }));

  expect(await account.definitionImage(arn)).toBe('registry/worker:3');
  expect(await account.definitionImage(`${arn}-gone`)).toBeNull();
});
