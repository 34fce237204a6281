import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { ComputeStack } from '../compute-stack.ts';
import type { DataStack } from '../data-stack.ts';
import {
  apiRights,
  failRights,
  ingestRights,
  prepareRights,
  publishRights,
  shardFailureRights,
  sweepRights,
} from './function-rights.ts';
import { HandlerFunction, type FunctionHome, type HandlerFunctionProps } from './handler-function.ts';
import { INGEST_SECONDS, type DroppedQueue } from './ingest.ts';
import { EVENT_BUS } from './service-permissions.ts';
import type { WorkflowFunctions } from './workflow.ts';

/** What the functions of a deployment work with. */
export interface ServiceSurroundings {
  readonly home: FunctionHome;
  readonly data: DataStack;
  readonly compute: ComputeStack;
  readonly dropped: DroppedQueue;
  /** Of functions that are called asynchronously. */
  readonly deadLetters: IQueue;
}

const MAKE = { memoryMib: 512, timeoutSeconds: 60 } as const;
/** One CT at a time, its copy beside it. */
const SCRATCH_MIB = 10_240;

/** The functions that states of the workflow call; the times are those of core/workflow.asl.json. */
export function workflowFunctions(scope: Construct, around: ServiceSurroundings): WorkflowFunctions {
  const { data, deadLetters } = around;
  const make = (
    id: string,
    props: Omit<HandlerFunctionProps, 'home' | 'environment'> &
      Partial<Pick<HandlerFunctionProps, 'environment'>>,
  ): HandlerFunction =>
    new HandlerFunction(scope, id, {
      home: around.home,
      environment: ofWorkflowEnvironment(around),
      ...props,
    });
  return {
    prepareJob: make('PrepareJob', {
      name: 'prepare-job',
      description: 'Takes an upload apart, checks its CTs and plans its shards',
      ...prepareRights(around),
      memoryMib: 3_008,
      timeoutSeconds: 900,
      scratchMib: SCRATCH_MIB,
    }),
    recordShardFailure: make('RecordShardFailure', {
      name: 'record-shard-failure',
      description: 'Keeps why a shard has failed',
      ...shardFailureRights(around),
      ...MAKE,
    }),
    publishResults: make('PublishResults', {
      name: 'publish-results',
      description:
        'Gathers what came of every case, builds the ZIP, publishes to the viewer and ends the job',
      environment: {
        ...ofWorkflowEnvironment(around),
        HPB_VIEWER_BUCKET: data.viewerBucket.bucketName,
      },
      ...publishRights(around),
      memoryMib: 1_769,
      timeoutSeconds: 900,
    }),
    failJob: make('FailJob', {
      name: 'fail-job',
      description: 'Ends a job whose workflow has failed; settles executions that ended',
      ...failRights(around),
      ...MAKE,
      deadLetters,
    }),
  };
}

/** What every function that starts jobs is told. */
export const startingEnvironment = (
  around: ServiceSurroundings,
  machine: StateMachine,
): HandlerFunctionProps['environment'] => ({
  ...common(around),
  HPB_MODELS_BUCKET: around.data.modelsBucket.bucketName,
  HPB_WEIGHTS: around.home.config.weights,
  HPB_STATE_MACHINE_ARN: machine.stateMachineArn,
  HPB_MAX_ACTIVE_JOBS: String(around.home.config.maxActiveJobs),
});

/** The functions that start jobs, or look after them. */
export function startingFunctions(
  scope: Construct,
  around: ServiceSurroundings,
  machine: StateMachine,
): Readonly<Record<'api' | 'ingest' | 'sweep', HandlerFunction>> {
  const { home, data, compute, dropped, deadLetters } = around;
  const environment = startingEnvironment(around, machine);
  const ingestEnvironment = { ...environment, HPB_INGEST_BUCKET: data.ingestBucket.bucketName };
  return {
    api: new HandlerFunction(scope, 'ApiHandler', {
      home,
      name: 'api',
      description: 'The API',
      environment: { ...environment, ...workerEnvironment(compute) },
      ...apiRights(around),
      memoryMib: 1_024,
      timeoutSeconds: 29,
    }),
    ingest: new HandlerFunction(scope, 'IngestHandler', {
      home,
      name: 'ingest',
      description: 'Makes jobs of objects that were dropped into the ingest bucket',
      environment: { ...ingestEnvironment, HPB_INGEST_QUEUE_URL: dropped.queue.queueUrl },
      ...ingestRights(around),
      memoryMib: 1_769,
      timeoutSeconds: INGEST_SECONDS,
    }),
    sweep: new HandlerFunction(scope, 'Sweeper', {
      home,
      name: 'sweep',
      description:
        'Starts what was lost, ends what is overdue, counts what nobody claims, deletes what has expired',
      environment: { ...ingestEnvironment, HPB_RETENTION_DAYS: String(home.config.retentionDays) },
      ...sweepRights(around),
      memoryMib: 512,
      timeoutSeconds: 900,
      deadLetters,
    }),
  };
}

function common({ home: { config }, data }: ServiceSurroundings): HandlerFunctionProps['environment'] {
  return {
    HPB_STAGE: config.stage,
    HPB_JOBS_BUCKET: data.jobsBucket.bucketName,
    HPB_EVENT_BUS: EVENT_BUS,
    HPB_MAX_BATCH: String(config.maxCasesPerJob),
    HPB_MAX_CONCURRENCY: String(config.maxGpuInstances),
    HPB_MAX_BULK_CONCURRENCY: String(config.bulkGpuInstances),
    HPB_MAX_JOB_COST_USD: String(config.maxJobCostUsd),
  };
}

function ofWorkflowEnvironment(around: ServiceSurroundings): HandlerFunctionProps['environment'] {
  return { ...common(around), HPB_WORKER_LOG_GROUP: around.compute.workerLogGroup.logGroupName };
}

function workerEnvironment(compute: ComputeStack): HandlerFunctionProps['environment'] {
  return {
    HPB_INTERACTIVE_QUEUE_ARN: compute.interactiveQueue.jobQueueArn,
    HPB_BULK_QUEUE_ARN: compute.bulkQueue.jobQueueArn,
    HPB_CPU_QUEUE_ARN: compute.cpuQueue.jobQueueArn,
    HPB_WORKER_DEFINITION_ARN: compute.workerDefinition.jobDefinitionArn,
    HPB_CPU_DEFINITION_ARN: compute.cpuDefinition.jobDefinitionArn,
    HPB_WORKER_LOG_GROUP: compute.workerLogGroup.logGroupName,
  };
}
