import { describe, expect, it } from 'vitest';
import type { CloudAccount, QueueFacts, StackFacts } from '../../../adapters/cloud-account.ts';
import { awsError } from '../../../adapters/aws-error.ts';
import { parseEcrImage } from '../../../local/aws-doctor/compute-lines.ts';
import { runAwsDoctor, type AwsDoctorRequest } from '../../../local/aws-doctor/run-aws-doctor.ts';
import type { DoctorLine } from '../../../local/doctor.ts';
import { account, environment, IMAGE, queue, SETS } from '../../fakes/cloud-account.ts';

const examine = (changed: Partial<CloudAccount> = {}, request: Partial<AwsDoctorRequest> = {}) =>
  runAwsDoctor({
    stage: 'prod',
    account: account(changed),
    weights: async () => SETS,
    askApi: async () => ({ answered: 'ready' }),
    ...request,
  });

const lineOf = (lines: readonly DoctorLine[], name: string): DoctorLine =>
  lines.find((line) => line.name.startsWith(name)) ?? expect.fail(`no line ${name}`);

const awsThrows =
  (name: string, message = 'no') =>
  async (): Promise<never> => {
    throw awsError('AWS', Object.assign(new Error(message), { name }));
  };

type Changed = Partial<CloudAccount> & Partial<Pick<AwsDoctorRequest, 'weights' | 'askApi'>>;

const stack = (outputs: StackFacts['outputs'], status = 'CREATE_COMPLETE'): StackFacts => ({
  status,
  reason: null,
  outputs,
});
const queuesThat =
  (facts: Partial<QueueFacts>): CloudAccount['queues'] =>
  async (arns) =>
    arns.map((arn) => queue(arn, facts));
const environmentsThat =
  (status: string): CloudAccount['environments'] =>
  async (arns) =>
    arns.map((arn) => environment(arn, { status, reason: 'CLIENT_ERROR - no subnet' }));

describe('hpb doctor --aws', () => {
  it('finds nothing in a deployment in which all is well', async () => {
    const { ok, lines } = await examine();

    expect(lines.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(ok).toBe(true);
    expect(lines.map(({ name }) => name)).toEqual([
      'Identity',
      'Region',
      'Quota G and VT, on demand',
      'Quota G and VT, spot',
      'CDK bootstrap',
      'Stack Hpb-prod-Data',
      'Stack Hpb-prod-Compute',
      'Stack Hpb-prod-Service',
      'Image of the workers',
      'Image of the workers without GPU',
      'Queue interactive',
      'Queue bulk',
      'Queue cpu',
      'Compute environment demand',
      'Compute environment spot',
      'Compute environment cpu',
      'Weights',
      'State machine',
      'API',
    ]);
  });

  it.each<readonly [string, Changed, string]>([
    ['no quota', { quota: async () => 0 }, 'fail Quota G and VT, on demand: no GPU machine can start'],
    ['a small quota', { quota: async () => 8 }, 'warn Quota G and VT, spot: the environments may take 32'],
    [
      'an old bootstrap',
      { stack: async () => stack({ BootstrapVersion: '5' }) },
      'fail CDK bootstrap: version 5',
    ],
    ['no bootstrap', { stack: async () => null }, 'fail CDK bootstrap: there is no stack'],
    [
      'a failed stack',
      { stack: async () => stack({}, 'CREATE_FAILED') },
      'fail Stack Hpb-prod-Data: CREATE_FAILED',
    ],
    [
      'an undone one',
      { stack: async () => stack({}, 'UPDATE_ROLLBACK_COMPLETE') },
      'warn Stack Hpb-prod-Data: undone',
    ],
    [
      'one that changes',
      { stack: async () => stack({}, 'UPDATE_IN_PROGRESS') },
      'warn Stack Hpb-prod-Service: PROGRESS',
    ],
    [
      'an image that is gone',
      { hasImage: async () => false },
      'fail Image of the workers: not in its repository',
    ],
    [
      'no job definition',
      { definitionImage: async () => null },
      'fail Image of the workers: no active job definition',
    ],
    [
      'a foreign image',
      { definitionImage: async () => 'docker.io/x' },
      'warn Image of the workers: not of ECR',
    ],
    ['a disabled queue', { queues: queuesThat({ state: 'DISABLED' }) }, 'fail Queue bulk: DISABLED'],
    [
      'a queue that is gone',
      { queues: async ([arn]) => [queue(arn!)] },
      'fail Queues: 2 that the stack names are not',
    ],
    [
      'an invalid environment',
      { environments: environmentsThat('INVALID') },
      'fail Compute environment spot: no subnet',
    ],
    [
      'one that changes',
      { environments: environmentsThat('UPDATING') },
      'warn Compute environment spot: UPDATING',
    ],
    ['no weights', { weights: async () => null }, 'fail Weights: none have been pushed'],
    ['half of them', { weights: async () => ({ kind: 'real', sets: new Map() }) }, 'fail Weights: task008'],
    ['demo weights', { weights: async () => ({ ...SETS, kind: 'demo' }) }, 'warn Weights: DEMO'],
    ['a machine that goes', { machineStatus: async () => 'DELETING' }, 'fail State machine: DELETING'],
    [
      'what the API lacks',
      { askApi: async () => ({ answered: 'not ready', errors: ['No disk.'] }) },
      'fail API: No disk',
    ],
    ['an API that refuses', { askApi: async () => ({ answered: 'refused', status: 403 }) }, 'warn API: 403'],
    ['an API that fails', { askApi: async () => ({ answered: 'otherwise', status: 502 }) }, 'fail API: 502'],
  ])('tells of %s, with a remedy', async (_, changed, expected) => {
    const report = await examine(changed, changed);

    const [, status, name, found] = /^(\w+) ([^:]+): (.*)$/.exec(expected)!;
    const line = lineOf(report.lines, name!);
    expect(line).toMatchObject({ status, found: expect.stringContaining(found!) });
    expect(line.remedy).not.toBe('');
    if (status === 'fail') expect(report.ok).toBe(false);
  });

  it('asks for no more when nobody has signed in, or no region is set', async () => {
    const signedOut = await examine({
      identity: awsThrows('CredentialsProviderError', 'Could not load credentials'),
    });
    const nowhere = await examine({ identity: awsThrows('Error', 'Region is missing') });

    expect(signedOut.lines.map(({ name, status }) => [name, status])).toEqual([['Identity', 'fail']]);
    expect(signedOut.lines[0]!.remedy).toContain('aws sso login');
    expect(nowhere.lines).toMatchObject([{ name: 'Region', status: 'fail' }]);
  });

  it('warns of what it may not look at, by the permission, and goes on', async () => {
    const { ok, lines } = await examine({
      quota: awsThrows('AccessDeniedException'),
      queues: awsThrows('AccessDeniedException'),
    });

    expect(ok).toBe(true);
    expect(lineOf(lines, 'Quota')).toMatchObject({
      status: 'warn',
      remedy: expect.stringContaining('servicequotas:GetServiceQuota'),
    });
    expect(lineOf(lines, 'Queues')).toMatchObject({
      status: 'warn',
      found: expect.stringContaining('batch:DescribeJobQueues'),
    });
    expect(lineOf(lines, 'API').status).toBe('ok');
  });

  it('fails what does not answer', async () => {
    const { ok, lines } = await examine({ machineStatus: awsThrows('TimeoutError') });

    expect(ok).toBe(false);
    expect(lineOf(lines, 'State machine').found).toContain('TimeoutError');
  });

  it('names the stage to deploy where there are no stacks, and leaves out what they would tell of', async () => {
    const { lines } = await examine({ stack: async () => null }, { stage: 'test' });

    expect(lineOf(lines, 'Stack Hpb-test-Data').remedy).toContain('-c stage=test');
    expect(lines.map(({ name }) => name)).not.toContain('API');
  });

  it('does not fail a spot quota of 0 where no environment takes spot machines', async () => {
    const { lines } = await examine({
      quota: async (code) => (code === 'L-3819A6DF' ? 0 : 64),
      environments: async () => [environment('demand')],
    });

    expect(lineOf(lines, 'Quota G and VT, spot').status).toBe('ok');
  });
});

describe('the name of an image', () => {
  it.each([
    [
      IMAGE,
      {
        registryId: '123456789012',
        repositoryName: 'hpb/worker',
        imageId: { imageDigest: `sha256:${'a'.repeat(64)}` },
      },
    ],
    [
      '123456789012.dkr.ecr.us-east-1.amazonaws.com/cdk-assets:0f1e2d',
      { registryId: '123456789012', repositoryName: 'cdk-assets', imageId: { imageTag: '0f1e2d' } },
    ],
    ['public.ecr.aws/worker:1', null],
    ['123456789012.dkr.ecr.us-east-1.amazonaws.com/worker', null],
  ])('%s is taken apart', (name, parts) => {
    expect(parseEcrImage(name)).toEqual(parts);
  });
});
