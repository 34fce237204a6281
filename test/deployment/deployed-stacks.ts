import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runProcess } from '../../adapters/run-process.ts';
import { ROOT, stacksOf } from '../fixtures/stacks.ts';
import { ACCOUNT, ADMINISTRATOR, REGION, type EmulatedAccount } from './emulated-account.ts';

/** What the stacks of a deployment have told, by stack (`Data`, `Compute`, `Service`) and output. */
export type StackOutputs = Readonly<Record<'Data' | 'Compute' | 'Service', Readonly<Record<string, string>>>>;

/** Stage of the deployment, and with it the name of its state machine. */
export const STAGE = 'dev';
export const MACHINE = `hpb-${STAGE}`;

/** What CloudFormation of MiniStack does not know; test/fixtures/deviations.ts says what is lost by it. */
export const REFUSED_TYPES: readonly string[] = [
  'AWS::Batch::ComputeEnvironment',
  'AWS::Batch::JobDefinition',
  'AWS::Batch::JobQueue',
  'AWS::CloudWatch::InsightRule',
  'AWS::EC2::FlowLog',
  'AWS::Logs::QueryDefinition',
];

/** Keys of conditions that MiniStack does not know, so that what is bound to them is refused. */
const UNKNOWN_CONDITIONS = ['cloudwatch:namespace', 'events:source'] as const;

/** Deploys all three stacks by the command that operators use, functions bundled. */
export async function deployStacks(
  account: EmulatedAccount,
  properties: Readonly<Record<string, unknown>> = {},
): Promise<StackOutputs> {
  const { directory } = stacksOf({ stage: STAGE, ...properties }, { bundled: true }).app.synth();
  for (const name of readdirSync(directory))
    if (name.endsWith('.template.json')) fitTemplate(join(directory, name));
  const outputs = join(account.folder, 'outputs.json');
  await cdk(account, ['bootstrap', `aws://${ACCOUNT}/${REGION}`, '--app', directory]);
  const told = ['--outputs-file', outputs, '--require-approval', 'never'];
  await cdk(account, ['deploy', '--all', '--app', directory, ...told]);
  const stacks = JSON.parse(readFileSync(outputs, 'utf8')) as Record<string, Record<string, string>>;
  const of = (part: string): Readonly<Record<string, string>> => stacks[`Hpb-${STAGE}-${part}`]!;
  return { Data: of('Data'), Compute: of('Compute'), Service: of('Service') };
}

async function cdk(account: EmulatedAccount, args: readonly string[]): Promise<void> {
  const { exitCode, tail } = await runProcess({
    command: join(ROOT, 'node_modules/.bin/cdk'),
    args: [...args, '--no-notices'],
    environment: {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
      HOME: account.folder,
      AWS_ENDPOINT_URL: account.endpoint,
      AWS_ACCESS_KEY_ID: ADMINISTRATOR.accessKeyId,
      AWS_SECRET_ACCESS_KEY: ADMINISTRATOR.secretAccessKey,
      AWS_REGION: REGION,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CA_BUNDLE: account.certificate,
      NODE_EXTRA_CA_CERTS: account.certificate,
      CDK_DISABLE_CLI_TELEMETRY: 'true',
    },
  });
  if (exitCode !== 0) throw new Error(`cdk ${args[0]} ended with ${exitCode}:\n${tail.join('\n')}`);
}

interface Resource {
  readonly Type: string;
  readonly Properties?: {
    readonly Metrics?: unknown;
    readonly Environment?: { readonly Variables?: Record<string, unknown> };
  };
  DependsOn?: string | readonly string[];
}
type Resources = Record<string, Resource>;

/** Of an alarm only those over one plain metric are known. */
const isRefused = ({ Type, Properties }: Resource): boolean =>
  REFUSED_TYPES.includes(Type) || (Type === 'AWS::CloudWatch::Alarm' && Properties?.Metrics !== undefined);

/** Takes out what MiniStack refuses; who names it gets a name of that kind that nothing stands behind. */
function fitTemplate(path: string): void {
  const template = JSON.parse(readFileSync(path, 'utf8')) as { Resources: Resources };
  const gone = new Map<string, string>();
  for (const [id, resource] of Object.entries(template.Resources)) {
    if (!isRefused(resource)) continue;
    gone.set(id, standIn(id, resource.Type));
    delete template.Resources[id];
  }
  for (const resource of Object.values(template.Resources)) {
    const { DependsOn: needed, Properties } = resource;
    // A minute until the next try is too long for a test: `visibleAfter` says when.
    delete Properties?.Environment?.Variables?.['HPB_INGEST_QUEUE_URL'];
    if (Array.isArray(needed)) resource.DependsOn = needed.filter((id) => !gone.has(id));
  }
  writeFileSync(path, JSON.stringify(withStandIns(template, gone)));
}

function standIn(id: string, type: string): string {
  const kind = type === 'AWS::Batch::JobQueue' ? 'job-queue' : 'job-definition';
  return type.startsWith('AWS::Batch::') ? `arn:aws:batch:${REGION}:${ACCOUNT}:${kind}/${id}` : id;
}

function withStandIns(value: unknown, gone: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => withStandIns(item, gone));
  if (typeof value !== 'object' || value === null) return value;
  const { Ref: ref, 'Fn::GetAtt': attribute } = value as { Ref?: string; 'Fn::GetAtt'?: readonly string[] };
  const name = gone.get(ref ?? attribute?.[0] ?? '');
  if (name !== undefined) return name;
  if (isUnknownCondition(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withStandIns(item, gone)]));
}

const isUnknownCondition = (value: object): boolean =>
  UNKNOWN_CONDITIONS.some((key) => Object.keys(value).length === 1 && Object.hasOwn(value, key));
