import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { Key, type IKey } from 'aws-cdk-lib/aws-kms';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { StandingFunction } from '../core/monitoring/alarm-spec.ts';
import type { ComputeStack } from './compute-stack.ts';
import type { StageConfig } from './config/read-config.ts';
import { acknowledge } from './constructs/acknowledge.ts';
import { Api } from './constructs/api.ts';
import { Canary } from './constructs/canary.ts';
import { EventNets } from './constructs/event-nets.ts';
import { functionCode } from './constructs/function-code.ts';
import type { FunctionHome, HandlerFunction } from './constructs/handler-function.ts';
import { DroppedQueue, encryptedQueue, Ingest } from './constructs/ingest.ts';
import { Observability } from './constructs/observability.ts';
import {
  startingFunctions,
  workflowFunctions,
  type ServiceSurroundings,
} from './constructs/service-functions.ts';
import { Workflow } from './constructs/workflow.ts';
import type { DataStack } from './data-stack.ts';

export interface ServiceStackProps extends StackProps {
  readonly config: StageConfig;
  readonly data: DataStack;
  readonly compute: ComputeStack;
}

/** What callers reach, and what runs their jobs: API, ingestion, functions, workflow, alarms. */
export class ServiceStack extends Stack {
  readonly functions: Readonly<Record<StandingFunction, HandlerFunction>>;
  /** Null unless `canaryHours` asks for one. */
  readonly canary: Canary | null;

  constructor(scope: Construct, id: string, props: ServiceStackProps) {
    super(scope, id, props);
    const { config, data, compute } = props;
    // By its ARN: the CDK would add to the policy of the key, which names its users itself.
    const key = Key.fromKeyArn(this, 'Key', data.key.keyArn);
    const home: FunctionHome = { config, key, code: functionCode() };
    const deadLetters = this.#deadLetters(key);
    const dropped = new DroppedQueue(this, 'Dropped', { key });
    const around: ServiceSurroundings = { home, data, compute, dropped, deadLetters };
    const ofWorkflow = workflowFunctions(this, around);
    const { machine } = new Workflow(this, 'Workflow', { config, key, data, compute, functions: ofWorkflow });
    const starting = startingFunctions(this, around, machine);
    this.functions = {
      ...starting,
      'prepare-job': ofWorkflow.prepareJob,
      'record-shard-failure': ofWorkflow.recordShardFailure,
      'publish-results': ofWorkflow.publishResults,
      'fail-job': ofWorkflow.failJob,
    };
    this.canary = config.canaryHours > 0 ? new Canary(this, 'Canary', { around, machine }) : null;
    const { api } = new Api(this, 'Api', { config, key, handler: starting.api });
    new Ingest(this, 'Ingest', { config, data, dropped, handler: starting.ingest });
    const { failJob } = ofWorkflow;
    const netted = { machine, failJob, sweep: starting.sweep, deadLetters };
    const nets = new EventNets(this, 'Nets', { config, key, compute, ...netted });
    const { alarmTopic, jobTopic } = new Observability(this, 'Observability', {
      config,
      key,
      deadLetters,
      watched: {
        machine,
        api,
        functions: this.functions,
        queues: {
          ingest: dropped.queue,
          'ingest-dead-letters': dropped.deadLetters,
          'events-dead-letters': deadLetters,
        },
        rules: nets.watched,
        machines: { 'faulty-machines': nets.faultyMachines },
      },
      logs: {
        functions: this.#handlers().map(({ logs }) => logs),
        workers: [compute.workerLogGroup],
        'batch-events': [nets.batchEvents],
      },
    });
    this.#tell({
      ApiUrl: api.url,
      StateMachineArn: machine.stateMachineArn,
      ...queueOutputs('Ingest', dropped.queue, dropped.deadLetters),
      EventDeadLettersUrl: deadLetters.queueUrl,
      AlarmTopicArn: alarmTopic.topicArn,
      FinishedJobTopicArn: jobTopic.topicArn,
      BatchEventsLogGroup: nets.batchEvents.logGroupName,
    });
  }

  #handlers(): readonly HandlerFunction[] {
    return [...Object.values(this.functions), ...(this.canary === null ? [] : [this.canary.handler])];
  }

  #tell(told: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(told)) new CfnOutput(this, name, { value });
  }

  #deadLetters(key: IKey): Queue {
    const queue = encryptedQueue(this, 'EventDeadLetters', key);
    acknowledge(queue, { 'AwsSolutions-SQS3': 'It is where dead letters go.' });
    return queue;
  }
}

const queueOutputs = (name: string, queue: Queue, deadLetters: Queue): Readonly<Record<string, string>> => ({
  [`${name}QueueUrl`]: queue.queueUrl,
  [`${name}QueueArn`]: queue.queueArn,
  [`${name}DeadLettersUrl`]: deadLetters.queueUrl,
  [`${name}DeadLettersArn`]: deadLetters.queueArn,
});
