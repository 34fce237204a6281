import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunOptions, StateMachine } from 'aws-local-stepfunctions';
import { z } from 'zod';
import { HpbError, isDiskFull } from '../core/errors.ts';
import { executionDocumentKey, EXECUTIONS_PREFIX, LAYOUT_VERSION } from '../core/layout.ts';
import { findDocument } from '../core/use-cases/stored-document.ts';
import type { ExecutionFacts, Executions, Jobs, ObjectStore } from '../core/ports.ts';
import { executionInput, type ExecutionInput } from '../core/workflow.ts';
import {
  handlersOf,
  LOCAL_SUBSTITUTIONS,
  type StateHandler,
  type WorkflowFunctions,
} from './local-states.ts';
import { localDefinition, workflowDefinition, type MachineDefinition } from './workflow-definition.ts';

/** What the laptop runs the workflow with. */
export interface LocalExecutionsOptions {
  readonly store: ObjectStore;
  readonly jobs: Jobs;
  /** What Lambdas do in the cloud. */
  readonly functions: WorkflowFunctions;
  /** Default: core/workflow.asl.json. */
  readonly definition?: MachineDefinition;
  /** Wait before every Retry, ms; default: what the workflow says. */
  readonly retryDelayMs?: number;
  /** Loads the interpreter; replaced in tests. */
  readonly loadMachine?: (definition: MachineDefinition) => Promise<StateMachine>;
}

/** How often an end that could not be written is tried again, ms. */
const WRITE_AGAIN_MS = 500;

/** executions/<name>.json */
const executionDocument = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  name: z.string(),
  input: executionInput,
  status: z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']),
  error: z.string().nullable(),
  cause: z.string().nullable(),
});
type ExecutionDocument = z.infer<typeof executionDocument>;
type Ending = Pick<ExecutionDocument, 'status' | 'error' | 'cause'>;
type Handlers = NonNullable<NonNullable<RunOptions['overrides']>['taskResourceLocalHandlers']>;

/** An execution that this process runs. */
interface Running {
  /**
   * Ends it; what is written afterwards, null to leave the document as it is. Resolves when nothing of it runs and that is
   * written; throws DISK_FULL when nothing of it runs and that is to be written as soon as there is room.
   */
  readonly abort: (ending: Ending | null) => Promise<void>;
}

/**
 * The deployed workflow, run in this process. Every execution has a document in the store, so that a process that
 * was killed can tell its successor what it was running: see `recover`.
 */
export class LocalExecutions implements Executions {
  readonly #options: LocalExecutionsOptions;
  readonly #definition: MachineDefinition;
  #machine: Promise<StateMachine> | null = null;
  readonly #handlers: ReadonlyMap<string, StateHandler>;
  /** Null: it has ended before. */
  readonly #running = new Map<string, Promise<Running | null>>();
  #closed = false;

  /** @throws HpbError WORKFLOW_FAILED when the Task states are not those that there are handlers for. */
  constructor(options: LocalExecutionsOptions) {
    this.#options = options;
    const definition = localDefinition(options.definition ?? workflowDefinition(LOCAL_SUBSTITUTIONS));
    this.#handlers = handlersOf(options, definition);
    this.#definition = definition;
  }

  async start(name: string, input: ExecutionInput): Promise<void> {
    if (this.#closed) throw closedError();
    let running = this.#running.get(name);
    if (running === undefined) {
      running = this.#begin(name, input);
      // Taken before the first wait, so that two starts at once are one execution.
      this.#running.set(name, running);
    }
    await running;
  }

  async stop(name: string, reason: { readonly error: string; readonly cause: string }): Promise<void> {
    const ending: Ending = { status: 'ABORTED', ...reason };
    const running = await this.#running.get(name);
    if (running) return running.abort(ending);
    const document = await this.#read(name);
    if (document?.status === 'RUNNING') await this.#write({ ...document, ...ending });
  }

  async describe(name: string): Promise<ExecutionFacts | null> {
    const document = await this.#read(name);
    if (document === null) return null;
    const { status, error, cause } = document;
    return { name, status, error, cause };
  }

  /** What was running when an earlier process ended, and does not run now; starting it again runs it again. */
  async recover(): Promise<readonly { readonly name: string; readonly input: ExecutionInput }[]> {
    const found: { readonly name: string; readonly input: ExecutionInput }[] = [];
    for (const { key } of await this.#options.store.list(EXECUTIONS_PREFIX)) {
      const name = key.slice(EXECUTIONS_PREFIX.length, -'.json'.length);
      const document = await this.#read(name);
      if (document?.status === 'RUNNING' && !this.#running.has(name))
        found.push({ name, input: document.input });
    }
    return found;
  }

  /** Ends what runs, jobs included, without a word in its document: the next process finds it by `recover`. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([...this.#running.values()].map(async (one) => (await one)?.abort(null)));
  }

  async #begin(name: string, input: ExecutionInput): Promise<Running | null> {
    try {
      const document = await this.#claim(name, input);
      if (document.status === 'RUNNING' && !this.#closed) {
        return this.#run(await this.#loaded(), document);
      }
      this.#running.delete(name);
      return null;
    } catch (thrown) {
      this.#running.delete(name);
      throw thrown;
    }
  }

  async #loaded(): Promise<StateMachine> {
    this.#machine ??= (this.#options.loadMachine ?? loadMachine)(this.#definition);
    try {
      return await this.#machine;
    } catch (thrown) {
      // The next start tries again.
      this.#machine = null;
      throw thrown;
    }
  }

  /** The document of an execution: its first one, or that of an earlier start. */
  async #claim(name: string, input: ExecutionInput): Promise<ExecutionDocument> {
    const document: ExecutionDocument = {
      layoutVersion: LAYOUT_VERSION,
      name,
      input,
      status: 'RUNNING',
      error: null,
      cause: null,
    };
    try {
      await this.#options.store.put(executionDocumentKey(name), JSON.stringify(document), { ifAbsent: true });
      return document;
    } catch (thrown) {
      if (!(thrown instanceof HpbError) || thrown.code !== 'OBJECT_EXISTS') throw thrown;
      return (await this.#read(name)) ?? document;
    }
  }

  #run(machine: StateMachine, { name, input, ...document }: ExecutionDocument): Running {
    const controller = new AbortController();
    // One listener a shard.
    setMaxListeners(0, controller.signal);
    const atWork = new Set<Promise<unknown>>();
    let imposed: { readonly ending: Ending | null } | null = null;
    const run = machine.run(
      { jobId: input.jobId, attempt: input.attempt },
      { context: { Execution: { Name: name } }, overrides: this.#overrides(controller.signal, atWork) },
    );
    const waiting = new Set<(error: HpbError) => void>();
    const settle = async (): Promise<void> => {
      const ending = await endingOf(run.result);
      // The machine's own end leaves handlers at work: after its timeout, or when a sibling failed.
      controller.abort();
      await Promise.allSettled(atWork);
      const last = imposed === null ? ending : imposed.ending;
      try {
        if (last !== null) await this.#writeAtLast({ ...document, name, input, ...last }, waiting);
      } finally {
        this.#running.delete(name);
      }
    };
    const ended = settle();
    // What could not be written when the service ended is left to `recover`.
    ended.catch(() => undefined);
    return {
      abort: async (ending) => {
        imposed ??= { ending };
        run.abort();
        controller.abort();
        const { promise: full, reject } = Promise.withResolvers<never>();
        waiting.add(reject);
        await Promise.race([ended, full]);
      },
    };
  }

  #overrides(signal: AbortSignal, atWork: Set<Promise<unknown>>): NonNullable<RunOptions['overrides']> {
    const { retryDelayMs } = this.#options;
    const taskResourceLocalHandlers: Handlers = {};
    const retryIntervalOverrides: Record<string, number> = {};
    for (const [state, handler] of this.#handlers) {
      taskResourceLocalHandlers[state] = (parameters) => {
        const work = handler(parameters, signal);
        atWork.add(work);
        void work.catch(() => undefined).finally(() => atWork.delete(work));
        return work as ReturnType<Handlers[string]>;
      };
      if (retryDelayMs !== undefined) retryIntervalOverrides[state] = retryDelayMs;
    }
    return { taskResourceLocalHandlers, retryIntervalOverrides };
  }

  async #read(name: string): Promise<ExecutionDocument | null> {
    try {
      return await findDocument(this.#options.store, executionDocumentKey(name), executionDocument);
    } catch (thrown) {
      // Damaged: as if it had never been, so that its job is run anew instead of holding up all others.
      if (thrown instanceof HpbError && thrown.code === 'DOCUMENT_UNREADABLE') return null;
      throw thrown;
    }
  }

  /**
   * Writes an end as soon as the store takes it: an execution that seems to run would hold up its job for hours.
   *
   * @param waiting Told, once, when it takes more room than there is.
   */
  async #writeAtLast(document: ExecutionDocument, waiting: Set<(error: HpbError) => void>): Promise<void> {
    for (;;) {
      try {
        return await this.#write(document);
      } catch (thrown) {
        if (this.#closed) throw thrown;
        if (isDiskFull(thrown)) {
          for (const tell of waiting) tell(thrown);
          waiting.clear();
        }
        await sleep(WRITE_AGAIN_MS);
      }
    }
  }

  /** Unless the document is gone: its job was purged meanwhile. */
  async #write(document: ExecutionDocument): Promise<void> {
    const key = executionDocumentKey(document.name);
    const { store } = this.#options;
    const present = await store.head(key);
    if (present === null) return;
    try {
      await store.put(key, JSON.stringify(document), { ifTag: present.tag });
    } catch (thrown) {
      if (!(thrown instanceof HpbError) || thrown.code !== 'OBJECT_CHANGED') throw thrown;
      await this.#write(document);
    }
  }
}

/**
 * The interpreter, loaded for the first execution: who only serves files does without its 37 MB. Tests check definitions.
 */
export async function loadMachine(definition: MachineDefinition): Promise<StateMachine> {
  const { StateMachine } = await import('aws-local-stepfunctions');
  type Definition = ConstructorParameters<typeof StateMachine>[0];
  return new StateMachine(definition as Definition, { validationOptions: { noValidate: true } });
}

/** How the machine ended, by itself or by `abort`, which the owner of the execution tells apart. */
async function endingOf(result: Promise<unknown>): Promise<Ending> {
  try {
    await result;
    return { status: 'SUCCEEDED', error: null, cause: null };
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'ExecutionTimeoutError')
      return { status: 'TIMED_OUT', error: 'States.Timeout', cause: 'The workflow did not end in time.' };
    const failure = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
    const { name, message } =
      failure instanceof Error ? failure : new HpbError('WORKFLOW_FAILED', String(failure), { remedy: '' });
    return { status: 'FAILED', error: name, cause: message };
  }
}

function closedError(): HpbError {
  return new HpbError('INTERRUPTED', 'The service is shutting down and starts no execution.', {
    remedy: 'Start the service again, then the job.',
  });
}
