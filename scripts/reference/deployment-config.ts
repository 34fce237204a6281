import { z } from 'zod';
import { configSchema } from '../../lib/config/deployment-config.ts';
import { PRESETS } from '../../lib/config/presets.ts';
import { fieldsOf } from './json-schema.ts';
import { code, page, table } from './markdown.ts';

/** docs/reference/deployment-config.md: every property of a deployment, from `configSchema`. */
export function deploymentConfigPage(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
  const defaults: Readonly<Record<string, unknown>> = configSchema.parse({});
  return page(
    'Configuration of a deployment',
    'Each property is set by `-c name=value` of the CDK command, or below `stages.<stage>` of the context in `cdk.json`; the command line wins. Lists are separated by commas. A wrong or contradictory value ends the synthesis with one sentence.',
    "`-c stage=NAME` names the deployment and is part of its stacks' names (`Hpb-NAME-Data`, `-Compute`, `-Service`): lower-case letters, digits and dashes, at most 16. `-c preset=dev|prod` says what it starts from; without it the stage `dev` starts from `dev` and every other one from `prod`.",
    table(
      ['property', 'default', 'in `dev`', 'in `prod`', 'meaning'],
      fieldsOf(schema).map(({ name, node }) => [
        code(name),
        valueText(defaults[name]),
        presetText('dev', name),
        presetText('prod', name),
        node.description ?? '',
      ]),
    ),
  );
}

function presetText(preset: keyof typeof PRESETS, name: string): string {
  const values: Readonly<Record<string, unknown>> = PRESETS[preset];
  return name in values ? valueText(values[name]) : '';
}

function valueText(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none';
  return code(Array.isArray(value) ? value.join(',') : JSON.stringify(value).replaceAll('"', ''));
}
