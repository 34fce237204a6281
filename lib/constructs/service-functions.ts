import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { INGEST_PREFIX, INGEST_REJECTED_PREFIX, JOBS_PREFIX } from '../../core/layout.ts';
import type { ComputeStack } from '../compute-stack.ts';
import type { DataStack } from '../data-stack.ts';
import { exportName, wildcard } from './acknowledge.ts';
import { HandlerFunction, type FunctionHome, type HandlerFunctionProps } from './handler-function.ts';
import { INGEST_SECONDS, type DroppedQueue } from './ingest.ts';
import {
  announce,
  eraseJobs,
  EVENT_BUS,
  FAILURES,
  keepFailures,
  measure,
  ownArn,
  publishToViewer,
  runWorkflow,
  seeWeights,
  takeDrops,
  useKey,
  watchWorkers,
  workOnJobs,
} from './service-permissions.ts';
import { VIEWER_PREFIX } from './viewer-bucket.ts';
import { machineName, type WorkflowFunctions } from './workflow.ts';

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
  const ofAll = [useKey(data), measure(around.home.config.stage)];
  const make = (
    id: string,
    props: Omit<HandlerFunctionProps, 'home' | 'environment'> &
      Partial<Pick<HandlerFunctionProps, 'environment'>>,
  ): HandlerFunction =>
    new HandlerFunction(scope, id, {
      home: around.home,
      environment: ofWorkflowEnvironment(around),
      wildcards: jobWildcards(around),
      ...props,
    });
  return {
    prepareJob: make('PrepareJob', {
      name: 'prepare-job',
      description: 'Takes an upload apart, checks its CTs and plans its shards',
      // It ends the job itself when the upload is at fault.
      statements: [...workOnJobs(data, 'large', 'copies'), ...ofAll, announce()],
      memoryMib: 3_008,
      timeoutSeconds: 900,
      scratchMib: SCRATCH_MIB,
    }),
    recordShardFailure: make('RecordShardFailure', {
      name: 'record-shard-failure',
      description: 'Keeps why a shard has failed',
      statements: [...keepFailures(data), ...ofAll],
      wildcards: failureWildcards(around),
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
      statements: [...workOnJobs(data, 'large'), ...ofAll, announce(), ...publishToViewer(data)],
      wildcards: { ...jobWildcards(around), ...viewerWildcards(around) },
      memoryMib: 1_769,
      timeoutSeconds: 900,
    }),
    failJob: make('FailJob', {
      name: 'fail-job',
      description: 'Ends a job whose workflow has failed; settles executions that ended',
      statements: [...workOnJobs(data), ...ofAll, announce()],
      ...MAKE,
      deadLetters,
    }),
  };
}

/** What every function that starts jobs is told and may do. */
export function startingParts(
  around: ServiceSurroundings,
  machine: StateMachine,
): Pick<HandlerFunctionProps, 'environment' | 'statements'> &
  Required<Pick<HandlerFunctionProps, 'wildcards'>> {
  const { home, data } = around;
  return {
    environment: { ...common(around), ...startingEnvironment(around, machine) },
    statements: [...onAnyJob(around), ...seeWeights(data), ...runWorkflow(machineName(home.config))],
    wildcards: { ...jobWildcards(around), ...startWildcards(around) },
  };
}

/** The functions that start jobs, or look after them. */
export function startingFunctions(
  scope: Construct,
  around: ServiceSurroundings,
  machine: StateMachine,
): Readonly<Record<'api' | 'ingest' | 'sweep', HandlerFunction>> {
  const { home, data, compute, dropped, deadLetters } = around;
  const { environment, statements: starting, wildcards } = startingParts(around, machine);
  const ingestEnvironment = { ...environment, HPB_INGEST_BUCKET: data.ingestBucket.bucketName };
  return {
    api: new HandlerFunction(scope, 'ApiHandler', {
      home,
      name: 'api',
      description: 'The API',
      environment: { ...environment, ...workerEnvironment(compute) },
      statements: [...starting, ...watchWorkers(compute), ...eraseJobs(data)],
      wildcards,
      memoryMib: 1_024,
      timeoutSeconds: 29,
    }),
    ingest: new HandlerFunction(scope, 'IngestHandler', {
      home,
      name: 'ingest',
      description: 'Makes jobs of objects that were dropped into the ingest bucket',
      environment: { ...ingestEnvironment, HPB_INGEST_QUEUE_URL: dropped.queue.queueUrl },
      statements: [...starting, ...takeDrops(data), receive(dropped)],
      wildcards: { ...wildcards, ...dropWildcards(around) },
      memoryMib: 1_769,
      timeoutSeconds: INGEST_SECONDS,
    }),
    sweep: new HandlerFunction(scope, 'Sweeper', {
      home,
      name: 'sweep',
      description:
        'Starts what was lost, ends what is overdue, counts what nobody claims, deletes what has expired',
      environment: { ...ingestEnvironment, HPB_RETENTION_DAYS: String(home.config.retentionDays) },
      statements: [
        ...starting,
        ...eraseJobs(data),
        new PolicyStatement({
          sid: 'ListDrops',
          actions: ['s3:ListBucket'],
          resources: [data.ingestBucket.bucketArn],
        }),
      ],
      wildcards,
      memoryMib: 512,
      timeoutSeconds: 900,
      deadLetters,
    }),
  };
}

const onAnyJob = ({ home, data }: ServiceSurroundings): readonly PolicyStatement[] => [
  ...workOnJobs(data, 'large', 'copies', 'uploads'),
  useKey(data),
  measure(home.config.stage),
  announce(),
];

const receive = ({ queue }: DroppedQueue): PolicyStatement =>
  new PolicyStatement({
    sid: 'Dropped',
    actions: [
      'sqs:ReceiveMessage',
      'sqs:DeleteMessage',
      'sqs:GetQueueAttributes',
      'sqs:ChangeMessageVisibility',
    ],
    resources: [queue.queueArn],
  });

function common({ home: { config }, data }: ServiceSurroundings): HandlerFunctionProps['environment'] {
  return {
    HPB_STAGE: config.stage,
    HPB_JOBS_BUCKET: data.jobsBucket.bucketName,
    HPB_EVENT_BUS: EVENT_BUS,
    HPB_MAX_BATCH: String(config.maxCasesPerJob),
    HPB_MAX_CONCURRENCY: String(config.maxGpuInstances),
    HPB_MAX_JOB_COST_USD: String(config.maxJobCostUsd),
  };
}

function ofWorkflowEnvironment(around: ServiceSurroundings): HandlerFunctionProps['environment'] {
  return { ...common(around), HPB_WORKER_LOG_GROUP: around.compute.workerLogGroup.logGroupName };
}

function startingEnvironment(
  { home: { config }, data }: ServiceSurroundings,
  machine: StateMachine,
): HandlerFunctionProps['environment'] {
  return {
    HPB_MODELS_BUCKET: data.modelsBucket.bucketName,
    HPB_WEIGHTS: config.weights,
    HPB_STATE_MACHINE_ARN: machine.stateMachineArn,
    HPB_MAX_ACTIVE_JOBS: String(config.maxActiveJobs),
  };
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

type Reasons = Readonly<Record<string, string>>;

const jobWildcards = ({ data }: ServiceSurroundings): Reasons => ({
  [`AwsSolutions-IAM5[Resource::${exportName(data.jobsBucket.bucketArn, data)}/*]`]:
    'It works on any job, and everything in the bucket belongs to jobs.',
});

const failureWildcards = ({ data }: ServiceSurroundings): Reasons =>
  Object.fromEntries(
    [`${JOBS_PREFIX}*`, FAILURES].map((keys) => [
      `AwsSolutions-IAM5[Resource::${exportName(data.jobsBucket.bucketArn, data)}/${keys}]`,
      'Every job has shards of its own.',
    ]),
  );

const startWildcards = ({ home }: ServiceSurroundings): Reasons => ({
  [wildcard(ownArn('states', `execution:${machineName(home.config)}:*`))]: 'Executions are named after jobs.',
});

const viewerWildcards = ({ data }: ServiceSurroundings): Reasons => ({
  [`AwsSolutions-IAM5[Resource::${exportName(data.viewerBucket.bucketArn, data)}/${VIEWER_PREFIX}*]`]:
    'Cases are named after their jobs.',
});

const dropWildcards = ({ data }: ServiceSurroundings): Reasons =>
  Object.fromEntries(
    [INGEST_PREFIX, INGEST_REJECTED_PREFIX].map((prefix) => [
      `AwsSolutions-IAM5[Resource::${exportName(data.ingestBucket.bucketArn, data)}/${prefix}*]`,
      'Who drops an object chooses its name.',
    ]),
  );
