import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { ROOT, stacksOf, type TemplateResource } from '../fixtures/stacks.ts';

const TEXT = readdirSync(join(ROOT, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => readFileSync(join(ROOT, 'docs', name), 'utf8'))
  .join('\n');
const named = (pattern: RegExp): readonly string[] => [
  ...new Set([...TEXT.matchAll(pattern)].map(([, name]) => name!)),
];

const { data, compute, service } = stacksOf({ stage: 'prod', canaryHours: 24 });
const resources = [data, compute, service].flatMap((stack) => {
  const { Resources } = Template.fromStack(stack).toJSON() as {
    readonly Resources: Readonly<Record<string, TemplateResource & { readonly DeletionPolicy?: string }>>;
  };
  return Object.entries(Resources).map(([id, { Type, Properties, DeletionPolicy }]) => ({
    id,
    stack: stack.stackName,
    Type,
    Properties: (Properties ?? {}) as Readonly<Record<string, unknown>>,
    stays: DeletionPolicy === 'Retain',
  }));
});
const ofType = (type: string) => resources.filter(({ Type }) => Type === type);
const namesOf = (type: string, property: string): readonly unknown[] =>
  ofType(type).map(({ Properties }) => Properties[property]);

describe('the places that commands of the documents look at', () => {
  it('are functions by their handlers', () => {
    const handlers = named(/Handler=='([^']+)'/g);

    expect(handlers.length).toBeGreaterThan(5);
    expect(namesOf('AWS::Lambda::Function', 'Handler')).toEqual(expect.arrayContaining([...handlers]));
  });

  it.each(named(/contains\(Name,'(\w+)'\)/g))('are rules called …%s…, and one each', (part) => {
    // CloudFormation calls them after their logical ids, of which it takes 24 letters at least.
    const rules = ofType('AWS::Events::Rule').filter(({ id }) => id.slice(0, 24).includes(part));

    expect(rules).toHaveLength(1);
  });

  it('are log groups, alarms and rules that are called so', () => {
    const placed = (text: string): string => text.replaceAll(/<stage>|\$STAGE/g, 'prod');
    const groups = named(/`(\/aws\/[^`]+)`/g).map(placed);
    const rules = named(/--rule-name "([^"]+)"/g).map(placed);
    const alarms = named(/--alarm-name (\S+)/g).map(placed);

    expect([groups.length, rules.length, alarms.length]).toEqual([1, 1, 1]);
    expect(namesOf('AWS::Logs::LogGroup', 'LogGroupName')).toEqual(expect.arrayContaining(groups));
    expect(namesOf('AWS::CloudWatch::InsightRule', 'RuleName')).toEqual(rules);
    expect(namesOf('AWS::CloudWatch::Alarm', 'AlarmName')).toEqual(expect.arrayContaining(alarms));
  });

  it('are the buckets and log groups that stay, where a deployment is removed', () => {
    const [prefix] = named(/starts_with\(Name,'([^']+)'\)/g);
    const stays = resources.filter((one) => one.stays);
    const buckets = stays.filter(({ Type }) => Type === 'AWS::S3::Bucket');
    const groups = stays.filter(({ Type }) => Type === 'AWS::Logs::LogGroup');

    expect(TEXT).toMatch(/the five buckets, the key, the image repository and most log groups stay/);
    expect(buckets.map(({ stack }) => `${stack.toLowerCase()}-`)).toEqual(Array(5).fill(prefix));
    // Those with names of their own go with their stack, and so the prefixes of both stacks find all that stay.
    expect(groups.map(({ Properties }) => Properties['LogGroupName'])).toEqual(groups.map(() => undefined));
    expect(new Set(groups.map(({ stack }) => stack))).toEqual(
      new Set(['Hpb-prod-Compute', 'Hpb-prod-Service']),
    );
    expect(TEXT).toContain('--log-group-name-prefix "Hpb-prod-$stack-"');
    const rest = stays.map(({ Type }) => Type).filter((type) => !/S3::Bucket|Logs::LogGroup/.test(type));
    expect(new Set(rest)).toEqual(
      new Set(['AWS::KMS::Key', 'AWS::ECR::Repository', 'AWS::IAM::Role', 'AWS::ApiGateway::Account']),
    );
  });
});
