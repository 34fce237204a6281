import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { stacksOf } from '../fixtures/stacks.ts';

/** What holds data or is known by its name outside: another logical id would make a new one beside the old. */
const FROZEN = {
  Key961B73FD: 'AWS::KMS::Key',
  KeyAlias910D852D: 'AWS::KMS::Alias',
  AccessLogs8B620ECA: 'AWS::S3::Bucket',
  JobsBucket5EADC5CA: 'AWS::S3::Bucket',
  IngestBucket2B3522FA: 'AWS::S3::Bucket',
  ModelsBucketA3610ED4: 'AWS::S3::Bucket',
  ViewerBucketC34045E1: 'AWS::S3::Bucket',
  WorkerImages49A86B18: 'AWS::ECR::Repository',
  WorkerLogsC1193B08: 'AWS::Logs::LogGroup',
  GpuReservedDC6A6919: 'AWS::Batch::ComputeEnvironment',
  GpuSpotFB6C265B: 'AWS::Batch::ComputeEnvironment',
  GpuOnDemand2E18C1CB: 'AWS::Batch::ComputeEnvironment',
  CpuOnDemand2E5D3C38: 'AWS::Batch::ComputeEnvironment',
  GpuInteractiveB8BB7AA8: 'AWS::Batch::JobQueue',
  GpuBulk1F108DFA: 'AWS::Batch::JobQueue',
  CpuQueueC5B5B1A6: 'AWS::Batch::JobQueue',
  DroppedQueue8B750F35: 'AWS::SQS::Queue',
  DroppedDeadLettersF71BA636: 'AWS::SQS::Queue',
  EventDeadLetters322AA761: 'AWS::SQS::Queue',
  ObservabilityAlarmTopicF724909D: 'AWS::SNS::Topic',
  ObservabilityFinishedJobTopic7538D615: 'AWS::SNS::Topic',
  WorkflowMachine0C2E3460: 'AWS::StepFunctions::StateMachine',
  ApiCD79AAA0: 'AWS::ApiGateway::RestApi',
} as const;

const STATEFUL = [
  'AWS::KMS::Key',
  'AWS::S3::Bucket',
  'AWS::ECR::Repository',
  'AWS::Batch::ComputeEnvironment',
  'AWS::Batch::JobQueue',
  'AWS::SQS::Queue',
  'AWS::SNS::Topic',
  'AWS::StepFunctions::StateMachine',
  'AWS::ApiGateway::RestApi',
];

/** Name -> logical id of what we name ourselves. A new line is fine; a changed id is a deployment that cannot be upgraded. */
const NAMED = join(import.meta.dirname, 'golden/named.json');
/** What there is only one of by its name, and the property that holds it. */
const OWN_NAMES = {
  'AWS::KMS::Alias': 'AliasName',
  'AWS::Batch::JobDefinition': 'JobDefinitionName',
  'AWS::Budgets::Budget': 'BudgetName',
  'AWS::CloudWatch::Alarm': 'AlarmName',
  'AWS::CloudWatch::Dashboard': 'DashboardName',
  'AWS::CloudWatch::InsightRule': 'RuleName',
  'AWS::Logs::LogGroup': 'LogGroupName',
  'AWS::Logs::ResourcePolicy': 'PolicyName',
  'AWS::StepFunctions::StateMachine': 'StateMachineName',
} as const;

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}
interface Resources {
  readonly Resources: Readonly<Record<string, Resource>>;
}

describe('logical ids of what must not be made anew', () => {
  const { data, compute, service } = stacksOf({
    stage: 'prod',
    canaryHours: 24,
    alarmEmail: 'ops@example.org',
    budgetUsd: 10,
  });
  const resources = [data, compute, service].flatMap((stack) =>
    Object.entries((Template.fromStack(stack).toJSON() as Resources).Resources),
  );
  const types = Object.fromEntries(resources.map(([id, { Type }]) => [id, Type]));

  it('are those of the first deployment', () => {
    expect(types).toMatchObject(FROZEN);
  });

  it('are all listed here', () => {
    const stateful = resources.filter(([, { Type }]) => STATEFUL.includes(Type)).map(([id]) => id);

    expect(stateful.filter((id) => !(id in FROZEN))).toEqual([]);
  });

  it('are the same for what has a name of its own: a second one of that name cannot be made', async () => {
    const named = resources.flatMap(([id, { Type, Properties }]) => {
      const name = Properties?.[OWN_NAMES[Type as keyof typeof OWN_NAMES]];
      return typeof name === 'string' ? [[`${Type} ${name}`, id] as const] : [];
    });

    expect(named.length).toBeGreaterThan(35);
    const text = `${JSON.stringify(Object.fromEntries(named.toSorted(([a], [b]) => (a < b ? -1 : 1))), null, 2)}\n`;
    await expect(text).toMatchFileSnapshot(NAMED);
  });
});
