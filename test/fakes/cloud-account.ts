import type { CloudAccount, EnvironmentFacts, QueueFacts, StackFacts } from '../../adapters/cloud-account.ts';
import type { PushedSets } from '../../core/use-cases/pushed-weights.ts';

/** Of the workers. */
export const IMAGE = `123456789012.dkr.ecr.eu-central-1.amazonaws.com/hpb/worker@sha256:${'a'.repeat(64)}`;
const OUTPUTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'Hpb-prod-Data': { ModelsBucketName: 'models' },
  'Hpb-prod-Compute': {
    InteractiveQueueArn: 'queue/interactive',
    BulkQueueArn: 'queue/bulk',
    CpuQueueArn: 'queue/cpu',
    WorkerDefinitionArn: 'definition/gpu',
    CpuDefinitionArn: 'definition/cpu',
  },
  'Hpb-prod-Service': { ApiUrl: 'https://api', StateMachineArn: 'machine' },
};
/** What a default request needs. */
export const SETS: PushedSets = {
  kind: 'real',
  sets: new Map([
    ['task008', []],
    ['ts297', []],
    ['ts298', []],
  ] as never),
};

/** A stack that is well; of a name of a stage `prod`, with its outputs. */
export const stackOf = (name: string): StackFacts => ({
  status: 'UPDATE_COMPLETE',
  reason: null,
  outputs: OUTPUTS[name]!,
});
/** An environment that takes work: `spot`, `cpu`, or any other on demand. */
export const environment = (name: string, facts: Partial<EnvironmentFacts> = {}): EnvironmentFacts => ({
  name,
  state: 'ENABLED',
  status: 'VALID',
  reason: null,
  maxVcpus: 32,
  isSpot: name === 'spot',
  isGpu: name !== 'cpu',
  ...facts,
});
/** A queue that takes work. */
export const queue = (arn: string, facts: Partial<QueueFacts> = {}): QueueFacts => ({
  name: arn.slice(6),
  state: 'ENABLED',
  status: 'VALID',
  reason: null,
  environments: arn.endsWith('cpu') ? ['cpu'] : ['demand', 'spot'],
  ...facts,
});

/** A deployment in which all is well, but for what the test changes. */
export function account(changed: Partial<CloudAccount> = {}): CloudAccount {
  return {
    identity: async () => ({
      account: '123456789012',
      arn: 'arn:aws:iam::123456789012:user/ops',
      region: 'eu-central-1',
    }),
    quota: async () => 64,
    stack: async (name) =>
      name === 'CDKToolkit'
        ? { status: 'CREATE_COMPLETE', reason: null, outputs: { BootstrapVersion: '28' } }
        : stackOf(name),
    definitionImage: async () => IMAGE,
    hasImage: async () => true,
    queues: async (arns) => arns.map((arn) => queue(arn)),
    environments: async (arns) => arns.map((arn) => environment(arn)),
    machineStatus: async () => 'ACTIVE',
    ...changed,
  };
}
