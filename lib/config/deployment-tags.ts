import type { StageConfig } from './read-config.ts';

/** Tags of everything that a deployment makes; activate them in Billing to see what it costs. */
export function deploymentTags({
  stage,
  costCenter,
}: Pick<StageConfig, 'stage' | 'costCenter'>): Readonly<Record<string, string>> {
  return {
    App: 'hpb-segmentation',
    Stage: stage,
    ...(costCenter === undefined ? {} : { CostCenter: costCenter }),
  };
}
