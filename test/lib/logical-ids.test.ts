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

interface Resources {
  readonly Resources: Readonly<Record<string, { readonly Type: string }>>;
}

describe('logical ids of what must not be made anew', () => {
  const { data, compute, service } = stacksOf({ stage: 'prod' });
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
});
