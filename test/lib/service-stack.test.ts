import { describe, expect, it } from 'vitest';
import { deploymentSchema } from '../../core/deployment.ts';
import { WORKER_EXIT } from '../../core/errors.ts';
import { alarmsOf } from '../../core/monitoring/alarms.ts';
import { SAVED_QUERIES, queryText } from '../../core/monitoring/queries.ts';
import { settingsSchema } from '../../core/settings.ts';
import { FUNCTION_STATES, WORKFLOW_PLACEHOLDERS } from '../../core/workflow.ts';
import {
  rawWorkflow,
  type MachineDefinition,
  type StateDefinition,
} from '../../adapters/workflow-definition.ts';
import { lambdaNames } from '../../scripts/bundle-lambdas.ts';
import { resourceOf, resourcesOf, stacksOf } from '../fixtures/stacks.ts';

const { service } = stacksOf({ stage: 'prod' });
const functions = Object.entries(resourcesOf(service, 'AWS::Lambda::Function'));
const handlerOf = (logicalId: string): string =>
  functions.find(([id]) => id === logicalId)![1].Properties.Handler as string;

/** Every state, those inside a Map too. */
const statesOf = (machine: MachineDefinition): readonly (readonly [string, StateDefinition])[] =>
  Object.entries(machine.States).flatMap(([name, state]) => [
    [name, state] as const,
    ...(state.ItemProcessor === undefined ? [] : statesOf(state.ItemProcessor)),
  ]);

describe('the workflow as it is deployed', () => {
  const machine = resourceOf(service, 'AWS::StepFunctions::StateMachine').Properties;

  it('has a value for every placeholder of the file and for nothing else', () => {
    expect(Object.keys(machine.DefinitionSubstitutions).sort()).toEqual([...WORKFLOW_PLACEHOLDERS].sort());
  });

  it.each(FUNCTION_STATES)('calls for %s a function whose file is in lambdas/', (name) => {
    const [, state] = statesOf(rawWorkflow).find(([found]) => found === name)!;
    const placeholder = /^\$\{(\w+)\}$/.exec(String(state.Parameters!['FunctionName']))![1]!;
    const [id] = machine.DefinitionSubstitutions[placeholder]['Fn::GetAtt'] as [string];
    const [file] = handlerOf(id).split('.');

    expect(lambdaNames()).toContain(file);
    expect(placeholder.toLowerCase()).toContain(file!.replaceAll('-', ''));
  });

  it('gives a function at least the time that its state waits for it', () => {
    const timeouts = new Map(functions.map(([, { Properties: found }]) => [found.Handler, found.Timeout]));

    expect(timeouts.get('prepare-job.handler')).toBe(rawWorkflow.States['PrepareJob']!.TimeoutSeconds);
    expect(timeouts.get('publish-results.handler')).toBe(
      rawWorkflow.States['PublishResults']!.TimeoutSeconds,
    );
    expect(timeouts.get('fail-job.handler')).toBe(rawWorkflow.States['FailJob']!.TimeoutSeconds);
  });

  it('logs no data of executions, and is encrypted by our key', () => {
    expect(machine.LoggingConfiguration).toMatchObject({ IncludeExecutionData: false, Level: 'ALL' });
    expect(machine.EncryptionConfiguration.Type).toBe('CUSTOMER_MANAGED_KMS_KEY');
    expect(machine.TracingConfiguration).toEqual({ Enabled: true });
  });
});

describe('functions', () => {
  it('are all that lambdas/ holds, on Node 24 and ARM, traced, each with its own log group', () => {
    const files = functions.map(([id]) => handlerOf(id).split('.')[0]);
    // The canary is there when it is configured: test/lib/constructs/canary.test.ts.
    expect(new Set([...files, 'canary'])).toEqual(new Set(lambdaNames()));
    const groups = functions.map(([, { Properties: found }]) => {
      expect(found).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        TracingConfig: { Mode: 'Active' },
      });
      return JSON.stringify(found.LoggingConfig.LogGroup);
    });
    expect(new Set(groups).size).toBe(functions.length);
  });

  it('are told by names that the code reads', () => {
    const known = new Set([
      ...Object.keys(deploymentSchema.shape),
      ...Object.keys(settingsSchema.shape),
      'NODE_OPTIONS',
    ]);

    for (const [, { Properties: found }] of functions)
      expect(Object.keys(found.Environment.Variables).filter((name) => !known.has(name))).toEqual([]);
  });

  it.each([
    [
      'api',
      [
        'HPB_MODELS_BUCKET',
        'HPB_WEIGHTS',
        'HPB_STATE_MACHINE_ARN',
        'HPB_WORKER_LOG_GROUP',
        'HPB_MAX_ACTIVE_JOBS',
      ],
    ],
    ['prepare-job', ['HPB_EVENT_BUS', 'HPB_MAX_BATCH', 'HPB_MAX_CONCURRENCY', 'HPB_MAX_BULK_CONCURRENCY']],
    ['publish-results', ['HPB_EVENT_BUS']],
    ['fail-job', ['HPB_EVENT_BUS']],
    ['ingest', ['HPB_WEIGHTS', 'HPB_INGEST_BUCKET', 'HPB_INGEST_QUEUE_URL', 'HPB_STATE_MACHINE_ARN']],
    ['sweep', ['HPB_INGEST_BUCKET', 'HPB_RETENTION_DAYS']],
  ])('%s is told %j', (name, needed) => {
    const [, found] = functions.find(([, { Properties }]) => Properties.Handler === `${name}.handler`)!;

    expect(Object.keys(found.Properties.Environment.Variables)).toEqual(
      expect.arrayContaining(['HPB_JOBS_BUCKET', ...needed]),
    );
  });
});

describe('ingestion', () => {
  it('goes from the bucket through a queue with dead letters, and retries single messages', () => {
    const mapping = resourceOf(service, 'AWS::Lambda::EventSourceMapping').Properties;
    const queue = resourceOf(service, 'AWS::SQS::Queue', 'DroppedQueue').Properties;
    const rule = resourceOf(service, 'AWS::Events::Rule', 'IngestDropped').Properties;

    expect(mapping.FunctionResponseTypes).toEqual(['ReportBatchItemFailures']);
    expect(queue.RedrivePolicy.maxReceiveCount).toBe(8);
    // Lambda asks for six times the longest time of the function.
    expect(queue.VisibilityTimeout).toBe(6 * 900);
    expect(rule.EventPattern.detail.object.key).toEqual([{ prefix: 'ingest/' }]);
    expect(rule.EventPattern['detail-type']).toEqual(['Object Created']);
  });

  it('takes the folders that the configuration names', () => {
    const { service: one } = stacksOf({ ingestSources: 'clinic,study' });
    const rule = resourceOf(one, 'AWS::Events::Rule', 'IngestDropped').Properties;

    expect(rule.EventPattern.detail.object.key).toEqual([
      { prefix: 'ingest/clinic/' },
      { prefix: 'ingest/study/' },
    ]);
  });
});

describe('the nets beside the workflow', () => {
  it('hear of every end of an execution, with dead letters', () => {
    const { Properties: rule } = resourceOf(service, 'AWS::Events::Rule', 'NetsExecutionEnded');

    expect(rule.EventPattern.detail.status).toEqual(['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']);
    expect(rule.Targets[0].DeadLetterConfig).toBeDefined();
  });

  it.each([
    ['Netsqueueblocked', 'Batch Job Queue Blocked'],
    ['Netsspotinterruption', 'EC2 Spot Instance Interruption Warning'],
    ['Netsdevicefault', 'Batch Job State Change'],
  ])('%s is counted and logged', (id, detailType) => {
    const { Properties: rule } = resourceOf(service, 'AWS::Events::Rule', id);

    expect(rule.EventPattern['detail-type']).toEqual([detailType]);
    expect(rule.Targets).toHaveLength(1);
    // With the `:*` of CloudFormation's attribute it would deploy and deliver nothing.
    expect(JSON.stringify(rule.Targets[0].Arn)).toMatch(/:log-group:",\{"Ref":"NetsBatchEvents\w+"\}\]\]\}$/);
  });
});

describe('alarms', () => {
  const alarms = Object.values(resourcesOf(service, 'AWS::CloudWatch::Alarm')).map(
    ({ Properties }) => Properties,
  );

  it('are those of the list; each names its section of the runbook', () => {
    expect(new Set(alarms.map(({ AlarmName }) => AlarmName))).toEqual(
      new Set(alarmsOf({ hasCanary: false }).map(({ id }) => `hpb-prod-${id}`)),
    );
    for (const { AlarmName, AlarmDescription, AlarmActions } of alarms) {
      expect(AlarmDescription).toContain(`docs/runbook.md#${String(AlarmName).slice('hpb-prod-'.length)}`);
      expect(AlarmActions).toHaveLength(1);
    }
  });

  it('look each at one plain metric, but for the one that looks at machines one by one', () => {
    const expressions = alarms.flatMap(({ AlarmName, Metrics }) => (Metrics ? [[AlarmName, Metrics]] : []));

    expect(expressions).toEqual([
      [
        'hpb-prod-machine-faulty',
        [
          expect.objectContaining({
            Expression: "INSIGHT_RULE_METRIC('hpb-prod-faulty-machines', 'MaxContributorValue')",
            Period: 6 * 3_600,
          }),
        ],
      ],
    ]);
  });

  it('count the faults of each machine in the log that Batch writes to, by the exit code of a worker', () => {
    const { RuleName, RuleState, RuleBody } = resourceOf(service, 'AWS::CloudWatch::InsightRule').Properties;

    expect([RuleName, RuleState]).toEqual(['hpb-prod-faulty-machines', 'ENABLED']);
    const body = JSON.parse(
      (RuleBody['Fn::Join'][1] as unknown[])
        .map((part) => (typeof part === 'string' ? part : 'GROUP'))
        .join(''),
    ) as unknown;
    expect(body).toMatchObject({
      LogGroupNames: ['GROUP'],
      Contribution: {
        Keys: ['$.detail.container.containerInstanceArn'],
        Filters: [{ Match: '$.detail.container.exitCode', EqualTo: WORKER_EXIT.deviceFault }],
      },
    });
  });
});

describe('messages', () => {
  it.each(['AlarmTopic', 'FinishedJobTopic'])('%s is encrypted and lets its service publish', (id) => {
    expect(
      resourceOf(service, 'AWS::SNS::Topic', `Observability${id}`).Properties.KmsMasterKeyId,
    ).toBeDefined();
    const policies = Object.values(resourcesOf(service, 'AWS::SNS::TopicPolicy'));
    const allowed = policies.flatMap(({ Properties }) =>
      (Properties.PolicyDocument.Statement as { Effect: string; Principal: { Service?: string } }[])
        .filter(({ Effect }) => Effect === 'Allow')
        .map(({ Principal }) => Principal.Service),
    );

    expect(allowed).toContain(id === 'AlarmTopic' ? 'cloudwatch.amazonaws.com' : 'events.amazonaws.com');
  });

  it('of finished jobs hold what the event holds and a link, and nothing else', () => {
    const { Properties: rule } = resourceOf(service, 'AWS::Events::Rule', 'ObservabilityJobFinished');

    expect(rule.EventPattern).toEqual({
      source: ['hpb.segmentation'],
      'detail-type': ['Job Finished'],
      detail: { stage: ['prod'] },
    });
    expect(new Set(Object.values(rule.Targets[0].InputTransformer.InputPathsMap))).toEqual(
      new Set(
        ['attempt', 'code', 'counts', 'endedAt', 'event', 'jobId', 'models', 'stage', 'state'].map(
          (name) => `$.detail.${name}`,
        ),
      ),
    );
  });

  it('go to whom the configuration names', () => {
    const { service: one } = stacksOf({
      alarmEmail: 'ops@example.org',
      alarmWebhook: 'https://hooks.example.org/hpb',
      budgetUsd: 50,
    });
    const protocols = Object.values(resourcesOf(one, 'AWS::SNS::Subscription')).map(
      ({ Properties }) => Properties.Protocol,
    );

    expect(protocols.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(['email', 'email', 'https', 'https']);
    expect(resourceOf(one, 'AWS::Budgets::Budget').Properties.Budget.BudgetLimit.Amount).toBe(50);
  });
});

describe('saved queries', () => {
  it('are deployed as the list says', () => {
    const deployed = Object.values(resourcesOf(service, 'AWS::Logs::QueryDefinition'));

    expect(new Set(deployed.map(({ Properties }) => Properties.QueryString))).toEqual(
      new Set(SAVED_QUERIES.map(queryText)),
    );
    for (const { Properties } of deployed) expect(Properties.LogGroupNames.length).toBeGreaterThan(0);
  });
});
