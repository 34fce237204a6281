import { z } from 'zod';
import { HpbError } from '../../core/errors.ts';
import { INGEST_PREFIX } from '../../core/layout.ts';
import { GPU_VCPUS } from '../../core/prices.ts';
import { configSchema, VCPUS_PER_SLOT, type DeploymentConfig } from './deployment-config.ts';
import { presetOf, PRESETS, type PresetName } from './presets.ts';

/** A deployment: its name and what it is made from. */
export interface StageConfig extends DeploymentConfig {
  /** Name of the deployment: part of the names of its stacks. */
  readonly stage: string;
}

/** Images that the endpoints of an isolated network lead to. */
const OF_ECR = /^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?\//;
/** Context keys that are not properties of `configSchema`. */
const OWN_KEYS = ['stage', 'preset', 'stages'] as const;

/**
 * The configuration of a deployment from the CDK context: defaults, under the preset, under `stages.<stage>` of
 * cdk.json, under what the command line says (`-c name=value`).
 *
 * @throws HpbError SETTINGS_INVALID naming the first wrong or contradictory value.
 */
export function readConfig(context: Readonly<Record<string, unknown>>): StageConfig {
  const stage = stageName.safeParse(context['stage'] ?? 'dev');
  if (!stage.success)
    throw wrong(
      'stage',
      context['stage'],
      'lower-case letters, digits and dashes, at most 16, without "-data" and not ending in "-cpu", which parts of other deployments are called',
    );
  const preset = presetName(context['preset'] ?? presetOf(stage.data));
  const given = {
    ...PRESETS[preset],
    ...ofStage(context['stages'], stage.data),
    ...fromCommandLine(context),
  };
  const parsed = configSchema.safeParse(given);
  if (!parsed.success) throw firstIssue(parsed.error, given);
  checkTogether(parsed.data);
  return { stage: stage.data, ...parsed.data };
}

/** Buckets of `prod` are called `hpb-prod-data-…`, and its definition of workers without a card `hpb-prod-cpu-worker`. */
const OF_OTHERS = /-data(-|$)|-cpu$/;
const stageName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,15}$/)
  .refine((stage) => !OF_OTHERS.test(stage));

function presetName(given: unknown): PresetName {
  if (given === 'dev' || given === 'prod') return given;
  throw wrong('preset', given, 'dev or prod');
}

function ofStage(stages: unknown, stage: string): Record<string, unknown> {
  const parsed = z.record(z.string(), z.record(z.string(), z.unknown())).safeParse(stages ?? {});
  if (!parsed.success) throw wrong('stages', stages, 'an object of stages, each an object of properties');
  return parsed.data[stage] ?? {};
}

/** The CDK's own keys (feature flags, look-ups) have a colon or a slash in them; ours never do. */
function fromCommandLine(context: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const own: readonly string[] = OWN_KEYS;
  return Object.fromEntries(
    Object.entries(context).filter(([name]) => /^[A-Za-z]+$/.test(name) && !own.includes(name)),
  );
}

function firstIssue(error: z.ZodError, given: Readonly<Record<string, unknown>>): HpbError {
  const issue = error.issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    const [name] = issue.keys;
    return wrong(name!, given[name!], 'no property of a deployment');
  }
  const name = String(issue.path[0]);
  return wrong(name, given[name], issue.message);
}

function wrong(name: string, value: unknown, expected: string): HpbError {
  return new HpbError(
    'SETTINGS_INVALID',
    `${name}=${JSON.stringify(value)} is not a value that a deployment can take: ${expected}.`,
    {
      remedy: 'docs/reference/deployment-config.md lists every property with its values and its default.',
      details: { name },
    },
  );
}

function checkTogether(config: DeploymentConfig): void {
  checkNetwork(config);
  checkMachines(config);
  checkReaders(config);
  checkSources(config);
  if (config.apiBurst < config.apiRate) {
    throw contradiction('apiBurst', `apiBurst=${config.apiBurst} is below apiRate=${config.apiRate}`);
  }
  if (config.budgetUsd !== undefined && config.alarmEmail === undefined) {
    throw contradiction('budgetUsd', 'budgetUsd is set and nobody would hear of it: set alarmEmail too');
  }
}

function checkNetwork({ network, vpcId, subnetIds, imageUri }: DeploymentConfig): void {
  const named = vpcId !== undefined && subnetIds.length > 0;
  if (network === 'existing' && !named) {
    throw contradiction('network', 'network=existing needs vpcId and subnetIds');
  }
  if (network !== 'existing' && (vpcId !== undefined || subnetIds.length > 0)) {
    throw contradiction(
      'network',
      `vpcId and subnetIds go with network=existing, not with network=${network}`,
    );
  }
  if (network === 'isolated' && imageUri !== undefined && !OF_ECR.test(imageUri)) {
    throw contradiction(
      'imageUri',
      'network=isolated reaches no registry but ECR, and imageUri is of another',
    );
  }
}

function checkMachines(config: DeploymentConfig): void {
  const { maxGpuInstances, bulkGpuInstances, fallbackGpuInstances, gpuSizes, spot } = config;
  if (gpuSizes.length === 0) throw contradiction('gpuSizes', 'gpuSizes names no size');
  if (bulkGpuInstances >= maxGpuInstances) {
    throw contradiction(
      'bulkGpuInstances',
      `bulkGpuInstances=${bulkGpuInstances} leaves none of maxGpuInstances=${maxGpuInstances} for single cases`,
    );
  }
  if (spot && fallbackGpuInstances >= bulkGpuInstances) {
    throw contradiction(
      'fallbackGpuInstances',
      `fallbackGpuInstances=${fallbackGpuInstances} leaves none of bulkGpuInstances=${bulkGpuInstances} for spot machines`,
    );
  }
  const largest = Math.max(...gpuSizes.map((size) => GPU_VCPUS[size]));
  for (const [name, instances] of Object.entries(gpuShares(config))) {
    if (instances === 0 || instances * VCPUS_PER_SLOT >= largest) continue;
    throw contradiction(
      'gpuSizes',
      `${instances} machine of maxGpuInstances for ${name} is too little to start the largest of gpuSizes (${largest} vCPUs)`,
    );
  }
}

/** How `maxGpuInstances` is shared out among environments, in machines of `VCPUS_PER_SLOT`. */
export function gpuShares(config: DeploymentConfig): {
  readonly reserved: number;
  readonly spot: number;
  readonly fallback: number;
} {
  const { maxGpuInstances, bulkGpuInstances, fallbackGpuInstances, spot } = config;
  const fallback = spot ? fallbackGpuInstances : bulkGpuInstances;
  return {
    reserved: maxGpuInstances - bulkGpuInstances,
    spot: bulkGpuInstances - fallback,
    fallback,
  };
}

function checkReaders({ viewerReaders, viewerOpenToTheWorld }: DeploymentConfig): void {
  const wide = viewerReaders.find(isPublicRange);
  if (wide !== undefined && !viewerOpenToTheWorld) {
    throw contradiction(
      'viewerReaders',
      `viewerReaders holds ${wide}, which is open to the world: name smaller ranges, or say viewerOpenToTheWorld=true`,
    );
  }
}

/** Longest pattern of a rule of EventBridge, characters, and what it holds beside the folders. */
const MAX_PATTERN = 2_048;
const REST_OF_PATTERN = 250;

function checkSources({ ingestSources }: DeploymentConfig): void {
  const folders = ingestSources.map((source) => ({ prefix: `${INGEST_PREFIX}${source}/` }));
  if (JSON.stringify(folders).length + REST_OF_PATTERN <= MAX_PATTERN) return;
  throw contradiction(
    'ingestSources',
    `the ${folders.length} folders of ingestSources do not fit into a rule of EventBridge (${MAX_PATTERN} characters): name fewer, or none to take all`,
  );
}

/** Whether S3 counts a range as public: wider than /8 (IPv4) or /32 (IPv6). */
export function isPublicRange(range: string): boolean {
  const [address, bits] = range.split('/');
  if (bits === undefined) return false;
  return Number(bits) < (address!.includes(':') ? 32 : 8);
}

function contradiction(name: string, sentence: string): HpbError {
  return new HpbError('SETTINGS_INVALID', `The configuration contradicts itself: ${sentence}.`, {
    remedy: 'docs/reference/deployment-config.md says what each property means.',
    details: { name },
  });
}
