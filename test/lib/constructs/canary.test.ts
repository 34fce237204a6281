import { describe, expect, it } from 'vitest';
import { resourceOf, resourcesOf, stacksOf } from '../../fixtures/stacks.ts';

const { service } = stacksOf({ stage: 'prod', canaryHours: 12 });
const isCanary = ([id]: readonly [string, unknown]): boolean => id.startsWith('Canary');

/** Actions that the policies of functions of this handler allow. */
function actionsOf(prefix: string): readonly string[] {
  const policies = Object.entries(resourcesOf(service, 'AWS::IAM::ManagedPolicy')).filter(([id]) =>
    id.startsWith(prefix),
  );
  return policies
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as { Action: string | string[] }[])
    .flatMap(({ Action }) => Action)
    .sort();
}

describe('the canary of a deployment', () => {
  it('is not there unless it is asked for', () => {
    const { service: without } = stacksOf({ stage: 'prod' });

    expect(without.canary).toBeNull();
    expect(Object.entries(resourcesOf(without, 'AWS::Lambda::Function')).filter(isCanary)).toEqual([]);
  });

  it('is looked after every hour, and told how often to start', () => {
    const handler = resourceOf(service, 'AWS::Lambda::Function', 'Canary').Properties;
    const rule = resourceOf(service, 'AWS::Events::Rule', 'Canary').Properties;

    expect(handler).toMatchObject({
      Handler: 'canary.handler',
      Environment: { Variables: { HPB_CANARY_HOURS: '12', HPB_STATE_MACHINE_ARN: expect.anything() } },
      DeadLetterConfig: expect.anything(),
    });
    expect(rule).toMatchObject({ ScheduleExpression: 'rate(1 hour)', State: 'ENABLED' });
    expect(rule.Targets).toHaveLength(1);
  });

  it('has an alarm that names its section of the runbook', () => {
    const alarms = Object.values(resourcesOf(service, 'AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => Properties,
    );

    expect(alarms.find(({ AlarmName }) => AlarmName === 'hpb-prod-canary-failed')).toMatchObject({
      MetricName: 'CanaryFailed',
      Namespace: 'HpbSegmentation/prod',
      Threshold: 1,
      AlarmDescription: expect.stringContaining('docs/runbook.md#canary-failed'),
    });
  });

  it('may do what starting and purging a job takes, and no more than the API', () => {
    const canary = actionsOf('Canary');

    expect(canary).toContain('states:StartExecution');
    // It purges its job: where versions are kept, a purge without these two ends at the first of them.
    expect(canary).toEqual(expect.arrayContaining(['s3:ListBucketVersions', 's3:DeleteObjectVersion']));
    expect(
      canary.filter((action) => ![...actionsOf('ApiHandler'), 'sqs:SendMessage'].includes(action)),
    ).toEqual([]);
  });
});
