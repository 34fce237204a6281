import type { DeploymentConfig } from './deployment-config.ts';

/** Sets of values that a deployment starts from. */
export const PRESETS = {
  /** Small, cheap while idle, and gone with its stacks when its buckets are empty. */
  dev: {
    maxGpuInstances: 4,
    bulkGpuInstances: 2,
    fallbackGpuInstances: 0,
    maxActiveJobs: 20,
    maxCasesPerJob: 50,
    maxJobCostUsd: 10,
    weights: 'auto',
    retentionDays: 7,
    logRetentionDays: 14,
    retainData: false,
  },
  /** For patient data. */
  prod: {
    network: 'isolated',
    logRetentionDays: 365,
    waf: true,
  },
} as const satisfies Record<string, Partial<DeploymentConfig>>;

export type PresetName = keyof typeof PRESETS;

/** The preset of a stage that names none: `dev` for the stage `dev`, `prod` for every other. */
export const presetOf = (stage: string): PresetName => (stage === 'dev' ? 'dev' : 'prod');
