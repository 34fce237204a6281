import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deploymentSchema } from '../../../core/deployment.ts';
import { WORKER_EXIT } from '../../../core/errors.ts';
import { SIZE_TIERS } from '../../../core/plan.ts';
import { parseSettings } from '../../../core/settings.ts';
import { isWorkerRetried, type WorkerEnd } from '../../../core/worker-retry.ts';
import { IMAGE_URI, resourceOf, ROOT, stacksOf } from '../../fixtures/stacks.ts';

const { compute } = stacksOf();
const worker = resourceOf(compute, 'AWS::Batch::JobDefinition', 'WorkerDefinition').Properties;
const cpuWorker = resourceOf(compute, 'AWS::Batch::JobDefinition', 'CpuWorkerDefinition').Properties;

interface Rule {
  readonly Action: 'RETRY' | 'EXIT';
  readonly OnExitCode?: string;
  readonly OnReason?: string;
  readonly OnStatusReason?: string;
}

/** What AWS Batch does with the rendered list: the first rule whose conditions all match decides, else it retries. */
function batchRetries({ exitCode, reason = '', statusReason = '' }: WorkerEnd): boolean {
  const fits = (pattern: string | undefined, text: string): boolean =>
    pattern === undefined ||
    new RegExp(`^${pattern.replaceAll(/[.+?^$()[\]{}|\\]/g, '\\$&').replaceAll('*', '.*')}$`, 's').test(text);
  const rules: readonly Rule[] = worker.RetryStrategy.EvaluateOnExit;
  const rule = rules.find(
    ({ OnExitCode, OnReason, OnStatusReason }) =>
      fits(OnExitCode, String(exitCode ?? '')) &&
      fits(OnReason, reason) &&
      fits(OnStatusReason, statusReason),
  );
  return rule === undefined || rule.Action === 'RETRY';
}

const ESSENTIAL = 'Essential container in task exited';

describe('which ends of a worker Batch answers with another attempt', () => {
  it.each([
    [
      'a spot machine is taken back',
      { exitCode: null, statusReason: 'Host EC2 (instance i-0abc) terminated.' },
    ],
    [
      'the image cannot be pulled',
      { exitCode: null, reason: 'CannotPullContainerError: pull access denied' },
    ],
    ['the manifest cannot be pulled', { exitCode: null, reason: 'CannotPullImageManifestError: timeout' }],
    ['it was interrupted', { exitCode: WORKER_EXIT.interrupted, statusReason: ESSENTIAL }],
    ['its device is faulty', { exitCode: WORKER_EXIT.deviceFault, statusReason: ESSENTIAL }],
    [
      'it was killed with its machine',
      { exitCode: 137, statusReason: 'Host EC2 (instance i-0abc) terminated.' },
    ],
  ] satisfies [string, WorkerEnd][])('retries when %s', (_, end) => {
    expect(batchRetries(end)).toBe(true);
  });

  it.each([
    ['the shard cannot be read', { exitCode: WORKER_EXIT.shardUnreadable, statusReason: ESSENTIAL }],
    ['something unexpected happened', { exitCode: WORKER_EXIT.unexpected, statusReason: ESSENTIAL }],
    [
      'it ran out of memory',
      { exitCode: 137, reason: 'OutOfMemoryError: Container killed', statusReason: ESSENTIAL },
    ],
    ['it took too long', { exitCode: null, statusReason: 'Job attempt duration exceeded timeout' }],
    ['it could not be started', { exitCode: null, reason: 'CannotStartContainerError: no such device' }],
  ] satisfies [string, WorkerEnd][])('does not when %s', (_, end) => {
    expect(batchRetries(end)).toBe(false);
  });

  it('decides on every exit code as the laptop does', () => {
    for (let exitCode = 0; exitCode < 256; exitCode++) {
      const end = { exitCode, statusReason: ESSENTIAL };
      expect(batchRetries(end), `exit code ${exitCode}`).toBe(isWorkerRetried(end));
    }
  });

  it('has no more rules than Batch takes, and one that ends what no other fits (trap 9)', () => {
    const rules: readonly Rule[] = worker.RetryStrategy.EvaluateOnExit;

    expect(rules.length).toBeLessThanOrEqual(5);
    expect(rules.at(-1)).toEqual({ Action: 'EXIT', OnReason: '*' });
    expect(worker.RetryStrategy.Attempts).toBe(3);
  });
});

describe('a worker', () => {
  const container = worker.ContainerProperties;
  const environment: Readonly<Record<string, unknown>> = Object.fromEntries(
    container.Environment.map(({ Name, Value }: { Name: string; Value: unknown }) => [Name, Value]),
  );
  const needs = (properties: typeof container): Readonly<Record<string, string>> =>
    Object.fromEntries(
      properties.ResourceRequirements.map(({ Type, Value }: { Type: string; Value: string }) => [
        Type,
        Value,
      ]),
    );

  it('has one GPU, and none where it only packs', () => {
    expect(needs(container)).toEqual({ GPU: '1', VCPU: '8', MEMORY: '30000' });
    expect(needs(cpuWorker.ContainerProperties)).not.toHaveProperty('GPU');
  });

  it('asks for less memory than any machine of its size has', () => {
    const gibibytes = [16, 32, 64];

    SIZE_TIERS.forEach(({ memoryMib }, tier) =>
      expect(memoryMib).toBeLessThan(gibibytes[tier]! * 1024 * 0.95),
    );
  });

  it.each([
    ['worker', worker],
    ['cpu worker', cpuWorker],
  ])('%s: cannot write but where it must, and runs as the user that the image has', (_, definition) => {
    const { ContainerProperties: properties } = definition;
    const dockerfile = readFileSync(join(ROOT, 'container/Dockerfile'), 'utf8');

    expect(properties.ReadonlyRootFilesystem).toBe(true);
    expect(properties.Privileged ?? false).toBe(false);
    expect(dockerfile).toContain(`USER ${properties.User}`);
    const written = properties.MountPoints.map(
      ({ ContainerPath }: { ContainerPath: string }) => ContainerPath,
    );
    expect(written).toEqual(['/models', '/scratch']);
    expect(
      properties.Volumes.map((volume: { Host: { SourcePath: string } }) => volume.Host.SourcePath),
    ).toEqual(['/mnt/nvme/models', '/mnt/nvme/scratch']);
    expect(properties.LinuxParameters).toMatchObject({
      SharedMemorySize: 4_096,
      Tmpfs: [expect.objectContaining({ ContainerPath: '/tmp' })],
    });
  });

  it('puts the digest of its image and the key of the deployment into receipts', () => {
    const signingKeyArn = 'arn:aws:kms:us-east-1:123456789012:key/1234abcd';
    const signing = resourceOf(
      stacksOf({ signingKeyArn }).compute,
      'AWS::Batch::JobDefinition',
      'WorkerDefinition',
    ).Properties.ContainerProperties.Environment;

    expect(environment['HPB_IMAGE_DIGEST']).toBe(IMAGE_URI.split('@')[1]);
    expect(environment).not.toHaveProperty('HPB_SIGNING_KMS_KEY');
    expect(signing).toContainEqual({ Name: 'HPB_SIGNING_KMS_KEY', Value: signingKeyArn });
  });

  it('is told names that the code knows, and settings that it takes', () => {
    const names = Object.keys(environment).filter((name) => name !== 'AWS_REGION');
    const deployed = names.filter((name) => name in deploymentSchema.shape);
    const settings = Object.fromEntries(
      names.filter((name) => !deployed.includes(name)).map((name) => [name, String(environment[name])]),
    );

    expect(deployed).toEqual(
      expect.arrayContaining(['HPB_STAGE', 'HPB_JOBS_BUCKET', 'HPB_MODELS_BUCKET', 'HPB_VIEWER_BUCKET']),
    );
    const parsed = parseSettings(settings);
    for (const name of Object.keys(settings)) expect(parsed, name).toHaveProperty(name);
    expect(parsed).toMatchObject({
      HPB_DEVICE: 'cuda',
      HPB_WEIGHTS: 'auto',
      HPB_MAX_BATCH: 50,
      HPB_MODELS_ROOT: '/models',
    });
  });

  it('logs under our key for a bounded time, and never waits for its log', () => {
    const { LogConfiguration: log } = container;
    const group = resourceOf(compute, 'AWS::Logs::LogGroup', 'WorkerLogs').Properties;

    expect(log.Options).toMatchObject({ mode: 'non-blocking', 'awslogs-stream-prefix': 'worker' });
    expect(group.KmsKeyId).toBeDefined();
    expect(group.RetentionInDays).toBe(14);
  });

  it('leaves revisions to the executions that hold them (trap 8)', () => {
    for (const definition of [worker, cpuWorker]) {
      expect(definition.ResourceRetentionPolicy).toEqual({ SkipDeregisterOnUpdate: true });
      expect(definition.Timeout.AttemptDurationSeconds).toBeGreaterThan(0);
      expect(definition.PropagateTags).toBe(true);
    }
  });

  it('is submitted by name, so that a new revision changes nothing that another stack holds', () => {
    const arn = JSON.stringify(compute.resolve(compute.workerDefinition.jobDefinitionArn));

    expect(arn).toMatch(/job-definition\/hpb-dev-worker"/);
    expect(worker.JobDefinitionName).toBe('hpb-dev-worker');
  });

  it('runs the image that was named, by its digest', () => {
    expect(JSON.stringify(container.Image)).toContain(IMAGE_URI.split('@')[1]);
    expect(JSON.stringify(container.Image)).toContain('/hpb@sha256:');
  });

  it('runs an image of another registry as it is named', () => {
    const imageUri = `registry.example.org/team/hpb@sha256:${'b2'.repeat(32)}`;
    const { compute: other } = stacksOf({ imageUri });

    expect(
      resourceOf(other, 'AWS::Batch::JobDefinition', 'WorkerDefinition').Properties.ContainerProperties.Image,
    ).toBe(imageUri);
  });

  it('is built from the checkout for the machines of AWS when no image is named, with torch for a card', () => {
    const { app } = stacksOf({ imageUri: undefined });
    const assets = JSON.parse(
      readFileSync(join(app.synth().directory, 'Hpb-dev-Compute.assets.json'), 'utf8'),
    ) as { dockerImages: Record<string, { source: Record<string, unknown> }> };

    const images = Object.values(assets.dockerImages).map(({ source }) => source);

    expect(images).toEqual([
      expect.objectContaining({
        dockerFile: 'container/Dockerfile',
        platform: 'linux/amd64',
        dockerBuildArgs: { TORCH_INDEX: expect.stringMatching(/\/whl\/cu\d+$/) },
      }),
    ]);
    // Docker only warns of an argument that the file does not take, and builds for the CPU.
    const taken = readFileSync(join(ROOT, 'container/Dockerfile'), 'utf8').matchAll(/^ARG (\w+)/gm);
    expect([...taken].map(([, name]) => name)).toEqual(
      expect.arrayContaining(Object.keys(images[0]!['dockerBuildArgs'] as object)),
    );
  });
});
