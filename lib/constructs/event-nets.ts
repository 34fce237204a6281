import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { CfnInsightRule } from 'aws-cdk-lib/aws-cloudwatch';
import { CfnRule, Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnResourcePolicy, LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { WORKER_EXIT } from '../../core/errors.ts';
import type { WatchedRule } from '../../core/monitoring/alarm-spec.ts';
import type { ComputeStack } from '../compute-stack.ts';
import type { StageConfig } from '../config/read-config.ts';
import type { HandlerFunction } from './handler-function.ts';
import { plainLogGroupArn } from './plain-log-group-arn.ts';

export interface EventNetsProps {
  readonly config: StageConfig;
  readonly key: IKey;
  readonly compute: ComputeStack;
  readonly machine: StateMachine;
  readonly failJob: HandlerFunction;
  readonly sweep: HandlerFunction;
  readonly deadLetters: IQueue;
}

/** What is heard beside the workflow: executions that ended, queues that are stuck, machines that are taken away. */
export class EventNets extends Construct {
  /** Name of each rule whose matches are counted. */
  readonly watched: Readonly<Record<WatchedRule, string>>;
  readonly batchEvents: LogGroup;
  /** Name of the rule that counts device faults for each machine. */
  readonly faultyMachines: string;

  constructor(scope: Construct, id: string, props: EventNetsProps) {
    super(scope, id);
    this.#executions(props);
    this.#schedule(props);
    this.batchEvents = this.#logGroup(props);
    this.watched = this.#watch(props);
    this.faultyMachines = this.#countMachines(props);
  }

  /** Also of executions that succeeded: a job whose end could not be announced is announced then. */
  #executions({ machine, failJob, deadLetters }: EventNetsProps): void {
    new Rule(this, 'ExecutionEnded', {
      description: 'An execution of the workflow has ended, however that was',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: {
          stateMachineArn: [machine.stateMachineArn],
          status: ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'],
        },
      },
      targets: [
        new LambdaFunction(failJob, { deadLetterQueue: deadLetters, maxEventAge: Duration.hours(24) }),
      ],
    });
  }

  #schedule({ sweep, deadLetters }: EventNetsProps): void {
    new Rule(this, 'Sweep', {
      description: 'Lost starts, deadlines, what nobody claims, what has expired',
      schedule: Schedule.rate(Duration.hours(1)),
      targets: [new LambdaFunction(sweep, { deadLetterQueue: deadLetters })],
    });
  }

  #logGroup({ config, key }: EventNetsProps): LogGroup {
    const group = new LogGroup(this, 'BatchEvents', {
      // EventBridge delivers to groups of this prefix.
      logGroupName: `/aws/events/hpb-${config.stage}`,
      encryptionKey: key,
      retention: config.logRetentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new CfnResourcePolicy(this, 'BatchEventsPolicy', {
      policyName: `hpb-${config.stage}-batch-events`,
      policyDocument: Stack.of(this).toJsonString({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: ['events.amazonaws.com', 'delivery.logs.amazonaws.com'] },
            Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            Resource: group.logGroupArn,
          },
        ],
      }),
    });
    return group;
  }

  /** A dimension for each machine would be a metric of its own, for ever; this counts them in the log. */
  #countMachines({ config }: EventNetsProps): string {
    const ruleName = `hpb-${config.stage}-faulty-machines`;
    new CfnInsightRule(this, 'FaultyMachines', {
      ruleName,
      ruleState: 'ENABLED',
      ruleBody: Stack.of(this).toJsonString({
        Schema: { Name: 'CloudWatchLogRule', Version: 1 },
        LogGroupNames: [this.batchEvents.logGroupName],
        LogFormat: 'JSON',
        Contribution: {
          Keys: ['$.detail.container.containerInstanceArn'],
          Filters: [{ Match: '$.detail.container.exitCode', EqualTo: WORKER_EXIT.deviceFault }],
        },
        AggregateOn: 'Count',
      }),
    });
    return ruleName;
  }

  #watch({ compute }: EventNetsProps): Readonly<Record<WatchedRule, string>> {
    const queues = [compute.interactiveQueue, compute.bulkQueue, compute.cpuQueue].map(
      ({ jobQueueArn }) => jobQueueArn,
    );
    const ofBatch = (detailType: string, detail: object): object => ({
      source: ['aws.batch'],
      'detail-type': [detailType],
      detail: { jobQueue: queues, ...detail },
    });
    const patterns: Readonly<Record<WatchedRule, object>> = {
      'queue-blocked': {
        source: ['aws.batch'],
        'detail-type': ['Batch Job Queue Blocked'],
        resources: queues,
      },
      // Nothing in it says whose machine it was.
      'spot-interruption': { source: ['aws.ec2'], 'detail-type': ['EC2 Spot Instance Interruption Warning'] },
      'device-fault': ofBatch('Batch Job State Change', {
        status: ['FAILED', 'RUNNABLE'],
        attempts: { container: { exitCode: [WORKER_EXIT.deviceFault] } },
      }),
    };
    const rules = Object.entries(patterns).map(([name, eventPattern]) => {
      const rule = new CfnRule(this, name, {
        description: `Counted and logged: ${name}`,
        eventPattern,
        targets: [{ id: 'log', arn: plainLogGroupArn(this.batchEvents) }],
      });
      return [name, rule.ref] as const;
    });
    return Object.fromEntries(rules) as Record<WatchedRule, string>;
  }
}
