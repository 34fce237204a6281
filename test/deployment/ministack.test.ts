import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { describe, expect } from 'vitest';
import { itExcept, MINISTACK_DEPLOYMENT } from '../fixtures/deviations.ts';
import { emulatedBucket } from '../fixtures/emulated-bucket.ts';
import { clientOptions, ministack, uniqueName } from '../fixtures/emulators.ts';
import { eventually, messagesIn } from './deployed-service.ts';
import { REFUSED_TYPES } from './deployed-stacks.ts';
import { ACCOUNT, elements, query, REGION } from './emulated-account.ts';

const it = itExcept(MINISTACK_DEPLOYMENT);

describe('CloudFormation', () => {
  for (const Type of REFUSED_TYPES) {
    it(`knows ${Type}`, async () => {
      const account = await ministack();
      const StackName = uniqueName('stack');
      const TemplateBody = JSON.stringify({ Resources: { One: { Type, Properties: {} } } });
      const said = await query(account, 'cloudformation', {
        Action: 'CreateStack',
        StackName,
        TemplateBody,
      }).catch(String);

      expect(said).not.toContain('Unrecognized resource types');
    });
  }

  it('takes an alarm over an expression', async () => {
    const account = await ministack();
    const Properties = {
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      EvaluationPeriods: 1,
      Threshold: 1,
      Metrics: [{ Id: 'one', Expression: 'TIME_SERIES(1)', Period: 300 }],
    };
    const Resources = { One: { Type: 'AWS::CloudWatch::Alarm', Properties } };
    const StackName = uniqueName('stack');
    await query(account, 'cloudformation', {
      Action: 'CreateStack',
      StackName,
      TemplateBody: JSON.stringify({ Resources }),
    });

    const status = await eventually('the end of the stack', async () => {
      const xml = await query(account, 'cloudformation', { Action: 'DescribeStacks', StackName });
      const [found = ''] = elements(xml, 'StackStatus');
      return found.endsWith('_IN_PROGRESS') ? null : found;
    });
    expect(status).toBe('CREATE_COMPLETE');
  });
});

describe('S3', () => {
  it('names the version of an object in its event to EventBridge', async () => {
    const account = await ministack();
    const { client, bucket: Bucket } = await emulatedBucket();
    await client.send(
      new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    await client.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket,
        NotificationConfiguration: { EventBridgeConfiguration: {} },
      }),
    );
    const queue = uniqueName('events');
    const xml = await query(account, 'sqs', { Action: 'CreateQueue', QueueName: queue });
    const events = new EventBridgeClient(clientOptions(account));
    const Name = uniqueName('rule');
    const pattern = { source: ['aws.s3'], detail: { bucket: { name: [Bucket] } } };
    await events.send(new PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern) }));
    const Arn = `arn:aws:sqs:${REGION}:${ACCOUNT}:${queue}`;
    await events.send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: 'queue', Arn }] }));

    const { VersionId } = await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'b' }));

    const [body] = await eventually('the event', async () => {
      const found = await messagesIn(account, elements(xml, 'QueueUrl')[0]!);
      return found.length > 0 ? found : null;
    });
    expect(JSON.parse(body!).detail.object).toMatchObject({ 'version-id': VersionId });
  });
});

describe('Step Functions', () => {
  it('runs a job of Batch', async () => {
    const sfn = new SFNClient(clientOptions(await ministack()));
    const definition = {
      StartAt: 'Run',
      States: { Run: { Type: 'Task', Resource: 'arn:aws:states:::batch:submitJob.sync', End: true } },
    };
    const { stateMachineArn } = await sfn.send(
      new CreateStateMachineCommand({
        name: uniqueName('machine'),
        definition: JSON.stringify(definition),
        roleArn: `arn:aws:iam::${ACCOUNT}:role/any`,
      }),
    );
    const { executionArn } = await sfn.send(new StartExecutionCommand({ stateMachineArn }));

    const { cause = '' } = await eventually('the end of the execution', async () => {
      const facts = await sfn.send(new DescribeExecutionCommand({ executionArn }));
      return facts.status === 'RUNNING' ? null : facts;
    });
    expect(cause).not.toContain('not yet implemented');
  });
});
