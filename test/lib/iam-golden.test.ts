import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { stacksOf } from '../fixtures/stacks.ts';

/** What roles may do, as it was reviewed. A change is reviewed, then written by `npx vitest run test/lib/iam-golden.test.ts -u`. */
const GOLDEN = join(import.meta.dirname, 'golden/iam.json');

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}
interface Resource {
  readonly Type: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- templates have the shape that is read here
  readonly Properties: any;
}
type Resources = Readonly<Record<string, Resource>>;

/** With all that a configuration adds: what it leaves out may do nothing. */
const { data, compute, service } = stacksOf({
  stage: 'prod',
  canaryHours: 24,
  signingKeyArn: 'arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f',
});
const TEMPLATES: readonly Resources[] = [data, compute, service].map(
  (stack) => (Template.fromStack(stack).toJSON() as { readonly Resources?: Resources }).Resources ?? {},
);

/** A value of a template as a person would write it; names that the CDK made lose their hash. */
function readable(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[name, inner]] = Object.entries(value as Readonly<Record<string, unknown>>) as [[string, unknown]];
  if (name === 'Ref') return `<${unhashed(String(inner))}>`;
  if (name === 'Fn::GetAtt') return `<${(inner as readonly string[]).map(unhashed).join('.')}>`;
  if (name === 'Fn::ImportValue')
    return `<${String(inner).replace(/^[^:]+:ExportsOutput(Ref|FnGetAtt)/, '')}>`;
  if (name === 'Fn::Join') return (inner as [string, unknown[]])[1].map(readable).join('');
  return JSON.stringify(value);
}

const unhashed = (id: string): string => id.replace(/[0-9A-F]{8}$/, '');
const listed = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

/** Role -> everything that it may do. */
function rolesOf(resources: Resources): Readonly<Record<string, unknown>> {
  const entries = Object.entries(resources);
  const policies = entries.filter(([, { Type }]) => /^AWS::IAM::(Managed)?Policy$/.test(Type));
  const of = (role: string, managed: readonly unknown[]): readonly Statement[] =>
    policies
      .filter(
        ([id, { Properties }]) =>
          managed.some((policy) => (policy as { readonly Ref?: string }).Ref === id) ||
          listed(Properties.Roles ?? []).some((one) => (one as { readonly Ref?: string }).Ref === role),
      )
      .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as readonly Statement[]);
  return Object.fromEntries(
    entries
      .filter(([, { Type }]) => Type === 'AWS::IAM::Role')
      .map(([id, { Properties }]) => {
        const managed = listed(Properties.ManagedPolicyArns ?? []);
        return [
          unhashed(id),
          {
            assumedBy: listed(Properties.AssumeRolePolicyDocument.Statement).map((one) =>
              readable((one as { readonly Principal: { readonly Service: unknown } }).Principal.Service),
            ),
            ofAws: managed.map(readable).filter((arn) => arn.includes(':policy/')),
            may: of(id, managed).map(({ Effect, Action, Resource: resource, Condition }) => ({
              ...(Effect === 'Allow' ? {} : { effect: Effect }),
              actions: listed(Action),
              resources: listed(resource).map(readable),
              ...(Condition === undefined ? {} : { condition: JSON.stringify(Condition) }),
            })),
          },
        ];
      })
      .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)),
  );
}

const ROLES = Object.assign({}, ...TEMPLATES.map(rolesOf)) as Readonly<
  Record<
    string,
    { readonly ofAws: readonly string[]; readonly may: readonly { readonly actions: readonly string[] }[] }
  >
>;

describe('what roles may do', () => {
  it('is what was reviewed, action for action and resource for resource', async () => {
    await expect(`${JSON.stringify(ROLES, null, 2)}\n`).toMatchFileSnapshot(GOLDEN);
  });

  it('is named: no action has a wildcard', () => {
    const actions = Object.values(ROLES).flatMap(({ may }) => may.flatMap((one) => one.actions));

    expect(actions.length).toBeGreaterThan(50);
    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
  });

  it('stands in policies of their own, none inside a role', () => {
    const inline = TEMPLATES.flatMap((resources) =>
      Object.entries(resources).filter(
        ([, { Type, Properties }]) => Type === 'AWS::IAM::Role' && Properties.Policies,
      ),
    );

    expect(inline.map(([id]) => id)).toEqual([]);
  });
});
