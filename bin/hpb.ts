import { App } from 'aws-cdk-lib';
import { asHpbError } from '../core/errors.ts';
import { readConfig } from '../lib/config/read-config.ts';
import { hpbStacks } from '../lib/hpb-stacks.ts';

/** The CDK app: `cdk deploy --all -c stage=NAME -c property=value`; see docs/reference/deployment-config.md. */
const app = new App();
try {
  hpbStacks(app, readConfig(app.node.getAllContext()));
} catch (thrown) {
  const error = asHpbError(thrown);
  if (error.code === 'UNEXPECTED') throw thrown;
  process.stderr.write(`${error.message}\n${error.remedy}\n`);
  process.exit(1);
}
