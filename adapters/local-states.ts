import { z } from 'zod';
import { HpbError } from '../core/errors.ts';
import type { JobFacts, Jobs, JobSpec, ObjectStore } from '../core/ports.ts';
import { FUNCTION_STATES, WORKER_STATES, type FunctionState } from '../core/workflow.ts';
import { functionError, jobError, StatesError } from './states-error.ts';
import {
  LOCAL_TIMEOUT,
  readerName,
  taskStates,
  type MachineDefinition,
  type WorkflowSubstitutions,
} from './workflow-definition.ts';

/** What the function states call: gets the `Payload` of its state, gives what becomes the answer's `Payload`. */
export type WorkflowFunctions = Readonly<
  Record<FunctionState, (payload: unknown, signal: AbortSignal) => Promise<unknown>>
>;

/** Does the work of one Task state: gets its resolved parameters; ends early, and for good, when aborted. */
export type StateHandler = (parameters: unknown, signal: AbortSignal) => Promise<unknown>;

/** What the states work with. */
export interface HandlerPorts {
  readonly store: Pick<ObjectStore, 'get'>;
  readonly jobs: Jobs;
  /** What Lambdas do in the cloud. */
  readonly functions: WorkflowFunctions;
}

/** Largest input or answer of a state, bytes of JSON. */
const MAX_PAYLOAD = 262_144;

/** Names of the queues on the laptop; from the name the kind of job is told. */
const QUEUES = { interactive: 'interactive', bulk: 'bulk', cpu: 'cpu' } as const;

/** What stands for the placeholders of the workflow on the laptop. */
export const LOCAL_SUBSTITUTIONS: WorkflowSubstitutions = {
  Partition: 'local',
  JobsBucket: 'objects',
  PrepareJobFunctionArn: 'prepare-job',
  RecordShardFailureFunctionArn: 'record-shard-failure',
  PublishResultsFunctionArn: 'publish-results',
  FailJobFunctionArn: 'fail-job',
  InteractiveQueueArn: QUEUES.interactive,
  BulkQueueArn: QUEUES.bulk,
  CpuQueueArn: QUEUES.cpu,
  WorkerJobDefinitionArn: 'worker',
  CpuJobDefinitionArn: 'cpu-worker',
};

/**
 * A handler for every Task state of the workflow.
 *
 * @throws HpbError WORKFLOW_FAILED when the Task states are not those that there are handlers for.
 */
export function handlersOf(
  { functions, jobs, store }: HandlerPorts,
  definition: MachineDefinition,
): ReadonlyMap<string, StateHandler> {
  const handlers = new Map<string, StateHandler>([
    ...FUNCTION_STATES.map((state) => [state, functionHandler(functions[state])] as const),
    ...WORKER_STATES.map((state) => [state, workerHandler(jobs)] as const),
    [readerName('SegmentCases'), readerHandler(store)],
  ]);
  // Without a handler the interpreter would call AWS.
  const states = taskStates(definition);
  const odd = [
    ...states.filter((state) => !handlers.has(state)),
    ...[...handlers.keys()].filter((state) => !states.includes(state)),
  ];
  if (odd.length > 0)
    throw new HpbError('WORKFLOW_FAILED', `The workflow and its handlers differ in ${odd.join(', ')}.`, {
      remedy: 'Keep core/workflow.ts in step with core/workflow.asl.json.',
    });
  // What a reader gives is a list of items, which no payload limit holds for.
  return new Map(
    [...handlers].map(([state, handler]) => [
      state,
      limited(handler, { checkAnswer: state !== readerName('SegmentCases') }),
    ]),
  );
}

/** How long a function that nobody waits for any more may still take, ms. */
const FUNCTION_GRACE_MS = 2_000;

/**
 * A state that calls a function, as `lambda:invoke` does. One that does not end when it is aborted is left alone, as
 * Step Functions does: what it still writes belongs to an attempt that is over.
 */
function functionHandler(run: WorkflowFunctions[FunctionState]): StateHandler {
  return async (parameters, signal) => {
    const { Payload } = z.object({ Payload: z.unknown() }).parse(parameters);
    try {
      const answer = await unlessAborted(run(Payload, signal), signal);
      return { StatusCode: 200, Payload: answer ?? null };
    } catch (thrown) {
      throw functionError(thrown);
    }
  };
}

/** What the work gives; throws States.TaskFailed when it is still not done a while after the signal. */
async function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  const { promise: abandoned, reject } = Promise.withResolvers<never>();
  const leave = (): void => reject(new StatesError('States.TaskFailed', 'The function did not end in time.'));
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(leave, FUNCTION_GRACE_MS);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, abandoned]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  }
}

const batchParameters = z.object({
  JobName: z.string(),
  JobQueue: z.enum(QUEUES),
  ContainerOverrides: z.object({
    Command: z.array(z.string()),
    ResourceRequirements: z.array(z.object({ Type: z.string(), Value: z.string() })),
  }),
  Timeout: z.object({ AttemptDurationSeconds: z.int() }),
});

/** A state that runs a worker to its end, as `batch:submitJob.sync` does; aborting ends the worker first. */
function workerHandler(jobs: Jobs): StateHandler {
  return async (parameters, signal) => {
    let facts: JobFacts;
    try {
      const ref = await jobs.submit(jobSpec(parameters));
      facts = await jobs.wait(ref, signal);
    } catch (thrown) {
      throw jobError(thrown);
    }
    const record = jobRecord(facts);
    if (facts.status === 'SUCCEEDED') return record;
    throw new StatesError('States.TaskFailed', JSON.stringify(record));
  };
}

/** The state that reads the items of a Map, as its reader does. */
function readerHandler(store: Pick<ObjectStore, 'get'>): StateHandler {
  return async (parameters) => {
    const { Key } = z.object({ Key: z.string() }).parse(parameters);
    let items: unknown;
    try {
      items = JSON.parse(new TextDecoder().decode(await store.get(Key)));
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw new StatesError('States.ItemReaderFailed', `The items at ${Key} cannot be read: ${reason}`);
    }
    if (Array.isArray(items)) return items;
    throw new StatesError('States.ItemReaderFailed', `What stands at ${Key} is no list of items.`);
  };
}

/**
 * A handler within the limits of its state: payload sizes, and the time that `LOCAL_TIMEOUT` of its parameters allows.
 * When that is over, the handler is aborted and has ended before `States.Timeout` comes out.
 */
function limited(handler: StateHandler, options: { readonly checkAnswer: boolean }): StateHandler {
  return async (all, signal) => {
    const { [LOCAL_TIMEOUT]: seconds, ...parameters } = z
      .looseObject({ [LOCAL_TIMEOUT]: z.number().positive() })
      .parse(all);
    checkSize(parameters, 'input');
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), seconds * 1000);
    try {
      const answer = await handler(parameters, AbortSignal.any([signal, limit.signal]));
      if (options.checkAnswer) checkSize(answer, 'answer');
      return answer;
    } catch (thrown) {
      if (limit.signal.aborted && !signal.aborted) throw timedOut(seconds);
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
  };
}

function timedOut(seconds: number): StatesError {
  return new StatesError('States.Timeout', `The state did not end within ${seconds} s.`);
}

function checkSize(value: unknown, what: 'input' | 'answer'): void {
  const bytes = Buffer.byteLength(JSON.stringify(value) ?? '');
  if (bytes <= MAX_PAYLOAD) return;
  throw new StatesError(
    'States.DataLimitExceeded',
    `The ${what} of the state has ${bytes} bytes; ${MAX_PAYLOAD} are the most.`,
  );
}

function jobSpec(parameters: unknown): JobSpec {
  const { JobName, JobQueue, ContainerOverrides, Timeout } = batchParameters.parse(parameters);
  const requirement = (type: string): number =>
    Number(ContainerOverrides.ResourceRequirements.find(({ Type }) => Type === type)?.Value ?? 0);
  return {
    name: JobName,
    command: ContainerOverrides.Command,
    priority: JobQueue === QUEUES.bulk ? 1 : 0,
    memoryMib: requirement('MEMORY'),
    vcpus: requirement('VCPU'),
    timeoutSeconds: Timeout.AttemptDurationSeconds,
    gpu: JobQueue !== QUEUES.cpu,
  };
}

/** The part of Batch's DescribeJobs record that tells how a job ended, in the case of Step Functions. */
function jobRecord({ ref, name, status, exitCode, reason, attempts, log }: JobFacts): unknown {
  return {
    JobId: ref,
    JobName: name,
    Status: status,
    StatusReason: reason ?? '',
    Attempts: Array.from({ length: attempts }, () => ({})),
    Container: {
      ...(exitCode === null ? {} : { ExitCode: exitCode }),
      ...(reason === null ? {} : { Reason: reason }),
      ...(log === null ? {} : { LogStreamName: log }),
    },
  };
}
