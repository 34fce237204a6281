import { join } from 'node:path';
import { Aws, RemovalPolicy } from 'aws-cdk-lib';
import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  CustomerManagedEncryptionConfiguration,
  DefinitionBody,
  LogLevel,
  StateMachine,
  type CfnStateMachine,
} from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { JOBS_PREFIX } from '../../core/layout.ts';
import type { WORKFLOW_PLACEHOLDERS } from '../../core/workflow.ts';
import type { ComputeStack } from '../compute-stack.ts';
import type { StageConfig } from '../config/read-config.ts';
import type { DataStack } from '../data-stack.ts';
import { acknowledge, exportName, wildcard } from './acknowledge.ts';
import type { HandlerFunction } from './handler-function.ts';
import { ownArn } from './service-permissions.ts';

/** The functions that states call. */
export interface WorkflowFunctions {
  readonly prepareJob: HandlerFunction;
  readonly recordShardFailure: HandlerFunction;
  readonly publishResults: HandlerFunction;
  readonly failJob: HandlerFunction;
}

export interface WorkflowProps {
  readonly config: StageConfig;
  readonly key: IKey;
  readonly data: DataStack;
  readonly compute: ComputeStack;
  readonly functions: WorkflowFunctions;
}

const DEFINITION = join(import.meta.dirname, '../../core/workflow.asl.json');

/** Lists of shards, which its map reads; nothing else of a job. */
const PLANS = `${JOBS_PREFIX}*/plans/*`;

/** Name of the state machine: roles name it before it is there. */
export const machineName = ({ stage }: Pick<StageConfig, 'stage'>): string => `hpb-${stage}`;

/** The state machine of core/workflow.asl.json, with a role that may do what its states do. */
export class Workflow extends Construct {
  readonly machine: StateMachine;

  constructor(scope: Construct, id: string, props: WorkflowProps) {
    super(scope, id);
    const { config, key } = props;
    const logs = new LogGroup(this, 'Logs', {
      // Elsewhere Step Functions adds to a resource policy that has no room for many state machines.
      logGroupName: `/aws/vendedlogs/states/hpb-${config.stage}`,
      encryptionKey: key,
      retention: config.logRetentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.machine = new StateMachine(this, 'Machine', {
      stateMachineName: machineName(config),
      definitionBody: DefinitionBody.fromFile(DEFINITION),
      definitionSubstitutions: substitutions(props),
      role: this.#role(props).withoutPolicyUpdates(),
      logs: { destination: logs, level: LogLevel.ALL, includeExecutionData: false },
      tracingEnabled: true,
      encryptionConfiguration: new CustomerManagedEncryptionConfiguration(key),
    });
    // On its role, whose ARN it names anyway.
    (this.machine.node.defaultChild as CfnStateMachine).addDeletionOverride('DependsOn');
  }

  #role(props: WorkflowProps): Role {
    const { data, compute } = props;
    const role = new Role(this, 'Role', {
      description: 'The workflow: its functions, its workers, the list of its shards',
      assumedBy: new ServicePrincipal('states.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    });
    const policy = new ManagedPolicy(this, 'Policy', {
      description: 'What the workflow may do',
      statements: statements(props),
    });
    compute.grantRun(policy);
    role.addManagedPolicy(policy);
    const definitions = [compute.workerDefinition, compute.cpuDefinition].map(({ jobDefinitionArn }) =>
      wildcard(`${jobDefinitionArn}:*`),
    );
    const reasons = {
      'AwsSolutions-IAM5[Resource::*]':
        'Log deliveries, X-Ray and DescribeJobs know no resources; without DescribeJobs a worker would not be waited for.',
      [wildcard(ownArn('batch', 'job/*'))]: 'Batch makes up the names of its jobs.',
      [wildcard(ownArn('states', `execution:${machineName(props.config)}:*`))]:
        'Executions are named after jobs.',
      [wildcard(ownArn('states', `execution:${machineName(props.config)}/SegmentCases:*`))]:
        'Step Functions makes up the names of the children of a map.',
      [`AwsSolutions-IAM5[Resource::${exportName(data.jobsBucket.bucketArn, data)}/${PLANS}]`]:
        'Every job has a list of shards of its own.',
    };
    acknowledge(policy, {
      ...reasons,
      ...Object.fromEntries(definitions.map((id) => [id, 'Revisions: running executions keep theirs.'])),
    });
    return role;
  }
}

function substitutions({
  data,
  compute,
  functions,
}: WorkflowProps): Readonly<Record<(typeof WORKFLOW_PLACEHOLDERS)[number], string>> {
  return {
    Partition: Aws.PARTITION,
    JobsBucket: data.jobsBucket.bucketName,
    PrepareJobFunctionArn: functions.prepareJob.functionArn,
    RecordShardFailureFunctionArn: functions.recordShardFailure.functionArn,
    PublishResultsFunctionArn: functions.publishResults.functionArn,
    FailJobFunctionArn: functions.failJob.functionArn,
    InteractiveQueueArn: compute.interactiveQueue.jobQueueArn,
    BulkQueueArn: compute.bulkQueue.jobQueueArn,
    CpuQueueArn: compute.cpuQueue.jobQueueArn,
    WorkerJobDefinitionArn: compute.workerDefinition.jobDefinitionArn,
    CpuJobDefinitionArn: compute.cpuDefinition.jobDefinitionArn,
  };
}

const allow = (sid: string, actions: readonly string[], resources: readonly string[]): PolicyStatement =>
  new PolicyStatement({ sid, actions: [...actions], resources: [...resources] });

/** Written by hand: a definition from a file brings no permissions along. */
function statements({ config, key, data, functions }: WorkflowProps): PolicyStatement[] {
  const name = machineName(config);
  const called = Object.values(functions).map(({ functionArn }: HandlerFunction) => functionArn);
  return [
    allow('Functions', ['lambda:InvokeFunction'], called),
    allow(
      'EndsOfWorkers',
      ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
      [ownArn('events', 'rule/StepFunctionsGetEventsForBatchJobsRule')],
    ),
    allow('Shards', ['states:StartExecution'], [ownArn('states', `stateMachine:${name}`)]),
    allow(
      'RunningShards',
      ['states:DescribeExecution', 'states:StopExecution', 'states:RedriveExecution'],
      [ownArn('states', `execution:${name}:*`), ownArn('states', `execution:${name}/SegmentCases:*`)],
    ),
    allow('ListOfShards', ['s3:GetObject'], [data.jobsBucket.arnForObjects(PLANS)]),
    allow('Key', ['kms:Decrypt', 'kms:GenerateDataKey'], [key.keyArn]),
    allow('Logs', LOG_DELIVERY, ['*']),
    allow('Traces', TRACING, ['*']),
  ];
}

const LOG_DELIVERY = [
  'logs:CreateLogDelivery',
  'logs:GetLogDelivery',
  'logs:UpdateLogDelivery',
  'logs:DeleteLogDelivery',
  'logs:ListLogDeliveries',
  'logs:PutResourcePolicy',
  'logs:DescribeResourcePolicies',
  'logs:DescribeLogGroups',
];
const TRACING = [
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
  'xray:GetSamplingRules',
  'xray:GetSamplingTargets',
];
