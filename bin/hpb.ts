import { App, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, HIPAASecurityChecks } from 'cdk-nag';
import { ComputeStack } from '../lib/compute-stack.ts';
import { deploymentTags } from '../lib/config/deployment-tags.ts';
import { readConfig } from '../lib/config/read-config.ts';
import { DataStack } from '../lib/data-stack.ts';

/** The CDK app: `cdk deploy --all -c stage=NAME -c property=value`; see docs/reference/deployment-config.md. */
const app = new App();
const config = readConfig(app.node.getAllContext());

const name = (part: string): string => `Hpb-${config.stage}-${part}`;
const data = new DataStack(app, name('Data'), { config });
new ComputeStack(app, name('Compute'), { config, data });

Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new HIPAASecurityChecks(app));
for (const [key, value] of Object.entries(deploymentTags(config))) {
  // A changed tag replaces these two; their machines are tagged by themselves.
  Tags.of(app).add(key, value, {
    excludeResourceTypes: ['AWS::Batch::ComputeEnvironment', 'AWS::Batch::JobQueue'],
  });
}
