import { Tags, Validations, type App } from 'aws-cdk-lib';
import { AwsSolutionsChecks, HIPAASecurityChecks } from 'cdk-nag';
import { ComputeStack } from './compute-stack.ts';
import { deploymentTags } from './config/deployment-tags.ts';
import type { StageConfig } from './config/read-config.ts';
import { DataStack } from './data-stack.ts';
import { ServiceStack } from './service-stack.ts';

/** The stacks of one deployment: what is kept, where it is worked on, and what callers reach. */
export interface HpbStacks {
  readonly data: DataStack;
  readonly compute: ComputeStack;
  readonly service: ServiceStack;
}

/** Of no account and no region: they deploy to those of whoever deploys, and are synthesised without credentials. */
export function hpbStacks(app: App, config: StageConfig): HpbStacks {
  const name = (part: string): string => `Hpb-${config.stage}-${part}`;
  const data = new DataStack(app, name('Data'), { config });
  const compute = new ComputeStack(app, name('Compute'), { config, data });
  const service = new ServiceStack(app, name('Service'), { config, data, compute });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new HIPAASecurityChecks(app));
  for (const [key, value] of Object.entries(deploymentTags(config))) {
    // A changed tag replaces these two; their machines are tagged by themselves.
    Tags.of(app).add(key, value, {
      excludeResourceTypes: ['AWS::Batch::ComputeEnvironment', 'AWS::Batch::JobQueue'],
    });
  }
  return { data, compute, service };
}
