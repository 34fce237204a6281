import { describe, expect, it } from 'vitest';
import { resourceOf, stacksOf } from '../../fixtures/stacks.ts';

interface Statement {
  readonly Sid?: string;
  readonly Action: string | readonly string[];
  readonly Principal: { readonly AWS?: unknown; readonly Service?: unknown };
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const key = resourceOf(stacksOf().data, 'AWS::KMS::Key');
const statements: readonly Statement[] = key.Properties.KeyPolicy.Statement;
const ofService = (name: string): readonly Statement[] =>
  statements.filter(({ Principal }) => JSON.stringify(Principal.Service ?? '').includes(name));
const ofRole = (role: string): readonly Statement[] =>
  statements.filter(({ Condition }) => JSON.stringify(Condition ?? {}).includes(`/${role}"`));

describe('the key of a deployment', () => {
  it('changes its material every year', () => {
    expect(key.Properties.EnableKeyRotation).toBe(true);
  });

  // Each of these fails without a word where it has no leave.
  it.each(['sns', 'budgets'])('lets %s decrypt and make data keys, for this account only', (service) => {
    const [statement, ...others] = ofService(`"${service}.amazonaws.com"`);

    expect(others).toEqual([]);
    expect(statement?.Action).toEqual(['kms:Decrypt', 'kms:GenerateDataKey*']);
    expect(statement?.Condition).toEqual({
      StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
    });
  });

  // Neither passes an account to KMS: bound to one, no end of a job and no alarm would ever be told.
  it.each(['events', 'cloudwatch'])('lets %s decrypt and make data keys, whomever it asks for', (service) => {
    const [statement, ...others] = ofService(`"${service}.amazonaws.com"`);

    expect(others).toEqual([]);
    expect(statement?.Action).toEqual(['kms:Decrypt', 'kms:GenerateDataKey*']);
    expect(statement?.Condition).toBeUndefined();
  });

  it('lets the delivery of logs read what Step Functions encrypts for the logs of this region', () => {
    const [statement, ...others] = ofService('"delivery.logs.amazonaws.com"');

    expect(others).toEqual([]);
    expect(statement?.Action).toContain('kms:Decrypt*');
    expect(JSON.stringify(statement?.Condition)).toMatch(
      /^\{"StringEquals":\{"kms:EncryptionContext:SourceArn":.*:logs:.*AWS::AccountId.*:\*"\]\]\}\}\}$/,
    );
  });

  it('lets CloudWatch Logs of this region encrypt the log groups of this account', () => {
    const [statement] = ofService('logs.').filter(({ Sid }) => Sid === 'LogGroups');

    expect(statement?.Action).toEqual(expect.arrayContaining(['kms:Encrypt', 'kms:GenerateDataKey*']));
    expect(Object.keys(statement?.Condition?.['ArnLike'] ?? {})).toEqual([
      'kms:EncryptionContext:aws:logs:arn',
    ]);
  });

  it.each([
    'AWSServiceRoleForAutoScaling',
    'AWSServiceRoleForEC2Spot',
    'AWSServiceRoleForEC2Fleet',
    'AWSServiceRoleForBatch',
  ])('lets %s use it for volumes, whether the role exists yet or not', (role) => {
    const [use, grant, ...others] = ofRole(role);

    expect(others).toEqual([]);
    expect(use?.Action).toContain('kms:Decrypt');
    expect(grant?.Action).toBe('kms:CreateGrant');
    expect(grant?.Condition?.['Bool']).toEqual({ 'kms:GrantIsForAWSResource': 'true' });
    for (const { Principal, Condition } of [use!, grant!]) {
      expect(Principal).toEqual({ AWS: '*' });
      expect(Condition?.['StringEquals']).toEqual({ 'kms:CallerAccount': { Ref: 'AWS::AccountId' } });
    }
  });

  it('lets nobody else in but the account through its own policies', () => {
    const unbound = statements.filter(({ Condition }) => Condition === undefined);

    expect(unbound.map(({ Principal }) => JSON.stringify(Principal))).toEqual([
      expect.stringContaining(':root'),
      JSON.stringify({ Service: 'events.amazonaws.com' }),
      JSON.stringify({ Service: 'cloudwatch.amazonaws.com' }),
    ]);
  });
});
