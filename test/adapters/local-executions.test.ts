import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { loadMachine, LocalExecutions } from '../../adapters/local-executions.ts';
import { rawWorkflow, workflowDefinition } from '../../adapters/workflow-definition.ts';
import { LOCAL_SUBSTITUTIONS } from '../../adapters/local-states.ts';
import { HpbError } from '../../core/errors.ts';
import { executionDocumentKey, type JobId } from '../../core/layout.ts';
import {
  ended,
  INPUT,
  NAME,
  plan,
  prepared,
  published,
  ScriptedJobs,
  workflowBench,
  type WorkflowBench,
} from '../fixtures/workflow-run.ts';
import { executionsContract } from './executions.contract.ts';

const jobIdOf = (payload: unknown): JobId => (payload as { readonly jobId: JobId }).jobId;
const courseOf = (payload: unknown): string => jobIdOf(payload)[0]!;

/** Ends only when it is told to. */
const forEver = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('Aborted.')), { once: true });
  });

executionsContract('this process', async () =>
  workflowBench({
    PrepareJob: (payload, signal) =>
      courseOf(payload) === 'h' ? forEver(signal) : prepared({ jobId: jobIdOf(payload), shards: 0 }),
    PublishResults: (payload) => published(courseOf(payload) === 'b' ? 'FAILED' : 'SUCCEEDED'),
  }),
);

/** An execution that waits for its worker for ever. */
async function hanging(): Promise<WorkflowBench> {
  const bench = workflowBench({ PrepareJob: () => prepared() }, new ScriptedJobs(() => 'hang'));
  await bench.store.put(prepared().planKey, JSON.stringify(plan(1)));
  await bench.executions.start(NAME, INPUT);
  while (bench.jobs.specs.length < 1) await sleep(5);
  return bench;
}

const diskFull = (): HpbError =>
  new HpbError('DISK_FULL', 'The disk is full.', { remedy: 'Free some space.' });

/** The next process over the same store. */
const nextProcess = ({ store }: WorkflowBench): WorkflowBench =>
  workflowBench(
    { PrepareJob: () => prepared(), PublishResults: () => published('SUCCEEDED') },
    new ScriptedJobs(),
    store,
  );

describe('executions of this process', () => {
  it('that a killed process has left are found by the next one and run again', async () => {
    const next = nextProcess(await hanging());

    const found = await next.executions.recover();
    for (const { name, input } of found) await next.executions.start(name, input);

    expect(found).toEqual([{ name: NAME, input: INPUT }]);
    expect(await ended(next)).toMatchObject({ status: 'SUCCEEDED' });
    expect(next.jobs.specs).toHaveLength(1);
    expect(await next.executions.recover()).toEqual([]);
  });

  it('whose document is damaged hold up no other, and run when they are started', async () => {
    const bench = await hanging();
    await bench.store.put(executionDocumentKey(NAME), '{"layoutVersion":1,"na');
    const next = nextProcess(bench);

    expect(await next.executions.recover()).toEqual([]);
    expect(await next.executions.describe(NAME)).toBeNull();
    await next.executions.start(NAME, INPUT);

    expect(await ended(next)).toMatchObject({ status: 'SUCCEEDED' });
  });

  it('that a killed process has left can be stopped by the next one', async () => {
    const next = nextProcess(await hanging());

    await next.executions.stop(NAME, { error: 'CANCELLED', cause: 'Enough.' });

    expect(await next.executions.describe(NAME)).toMatchObject({ status: 'ABORTED', error: 'CANCELLED' });
    expect(await next.executions.recover()).toEqual([]);
  });

  it('end with their workers when the service closes, and are left to the next process', async () => {
    const bench = await hanging();

    await bench.executions.close();

    expect(bench.jobs.stopped).toHaveLength(1);
    await expect(bench.executions.start('job-00000002-a1', INPUT)).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    expect(await nextProcess(bench).executions.recover()).toEqual([{ name: NAME, input: INPUT }]);
  });

  it('do not take what runs here for left behind', async () => {
    const bench = await hanging();

    expect(await bench.executions.recover()).toEqual([]);
    await bench.executions.close();
  });

  it('run once when they are started twice at once', async () => {
    const bench = workflowBench({
      PrepareJob: () => prepared({ shards: 0 }),
      PublishResults: () => published('SUCCEEDED'),
    });

    await Promise.all([bench.executions.start(NAME, INPUT), bench.executions.start(NAME, INPUT)]);
    await ended(bench);

    expect(bench.states()).toEqual(['PrepareJob', 'PublishResults']);
  });

  it('do not start when the store cannot keep their document, and can be started later', async () => {
    const bench = workflowBench({
      PrepareJob: () => prepared({ shards: 0 }),
      PublishResults: () => published('SUCCEEDED'),
    });
    bench.store.beforeWrite = () => {
      throw new Error('The disk is full.');
    };

    await expect(bench.executions.start(NAME, INPUT)).rejects.toThrow('The disk is full.');
    bench.store.beforeWrite = () => undefined;
    await bench.executions.start(NAME, INPUT);

    expect(await ended(bench)).toMatchObject({ status: 'SUCCEEDED' });
  });

  it('leave no document behind when their job is purged while they end', async () => {
    const bench = workflowBench({
      PrepareJob: () => prepared({ shards: 0 }),
      PublishResults: () => published('SUCCEEDED'),
    });
    const key = executionDocumentKey(NAME);
    const purged = new Promise<void>((resolve) => {
      bench.store.beforeWrite = (written) => {
        // In the moment between the look at the document and its last write.
        if (written === key && bench.store.objects.delete(key)) resolve();
      };
    });

    await bench.executions.start(NAME, INPUT);
    await purged;
    await bench.executions.close();

    expect(bench.store.keys()).toEqual([]);
  });

  it('start when the interpreter that could not be loaded can be', async () => {
    const bench = workflowBench({});
    let loads = 0;
    const executions = new LocalExecutions({
      store: bench.store,
      jobs: bench.jobs,
      functions: noFunctions,
      loadMachine: async (definition) => {
        if (++loads === 1) throw new Error('Too many open files.');
        return loadMachine(definition);
      },
    });
    await expect(executions.start(NAME, INPUT)).rejects.toThrow('Too many open files.');

    await executions.start(NAME, INPUT);

    expect(await ended({ executions })).toMatchObject({ status: 'FAILED' });
    expect(loads).toBe(2);
  });

  it('that end while the store takes nothing are written as ended when it does again', async () => {
    const bench = workflowBench({
      PrepareJob: () => {
        bench.store.beforeWrite = () => {
          throw new Error('The disk is full.');
        };
        throw new Error('The disk is full.');
      },
      FailJob: () => {
        throw new Error('The disk is full.');
      },
    });

    await bench.executions.start(NAME, INPUT);
    while (!bench.states().includes('FailJob')) await sleep(5);
    await sleep(100);
    expect(await bench.executions.describe(NAME)).toMatchObject({ status: 'RUNNING' });
    bench.store.beforeWrite = () => undefined;

    expect(await ended(bench)).toMatchObject({ status: 'FAILED', error: 'Error' });
  });

  it('are stopped on a full disk, which is told, and written as ended when there is room', async () => {
    const bench = await hanging();
    bench.store.beforeWrite = () => {
      throw diskFull();
    };
    const stop = () => bench.executions.stop(NAME, { error: 'CANCELLED', cause: 'Enough.' });

    const stops = await Promise.allSettled([stop(), stop()]);

    expect(stops).toMatchObject([{ reason: { code: 'DISK_FULL' } }, { reason: { code: 'DISK_FULL' } }]);
    expect(bench.jobs.specs).toHaveLength(1);
    bench.store.beforeWrite = () => undefined;
    await stop();
    expect(await bench.executions.describe(NAME)).toMatchObject({ status: 'ABORTED', error: 'CANCELLED' });
  });

  it('that there is no room to run again are found again later', async () => {
    const next = nextProcess(await hanging());
    next.store.beforeWrite = () => {
      throw diskFull();
    };

    await expect(next.executions.start(NAME, INPUT)).rejects.toMatchObject({ code: 'DISK_FULL' });

    expect(await next.executions.recover()).toEqual([{ name: NAME, input: INPUT }]);
  });

  it('are stopped although a function of theirs never ends', async () => {
    const bench = workflowBench({ PrepareJob: () => new Promise(() => undefined) });
    await bench.executions.start(NAME, INPUT);
    while (bench.states().length === 0) await sleep(5);

    await bench.executions.stop(NAME, { error: 'CANCELLED', cause: 'Enough.' });

    expect(await bench.executions.describe(NAME)).toMatchObject({ status: 'ABORTED' });
  });

  it('time out with their workers ended', async () => {
    const jobs = new ScriptedJobs(() => 'hang');
    const { store } = workflowBench({});
    const bench = workflowBench({ PrepareJob: () => prepared() }, jobs, store);
    const executions = new LocalExecutions({
      store,
      jobs,
      functions: { ...noFunctions, PrepareJob: async () => prepared() },
      definition: { ...workflowDefinition(LOCAL_SUBSTITUTIONS), TimeoutSeconds: 1 },
    });
    await bench.store.put(prepared().planKey, JSON.stringify(plan(1)));

    await executions.start(NAME, INPUT);

    expect(await ended({ executions })).toMatchObject({ status: 'TIMED_OUT', error: 'States.Timeout' });
    expect(jobs.stopped).toHaveLength(1);
  });

  it('refuse a workflow with a state that nobody handles', () => {
    const definition = {
      ...rawWorkflow,
      States: { ...rawWorkflow.States, Extra: { ...rawWorkflow.States['PrepareJob']! } },
    };

    expect(
      () =>
        new LocalExecutions({
          store: workflowBench({}).store,
          jobs: new ScriptedJobs(),
          functions: noFunctions,
          definition,
        }),
    ).toThrow(/differ in Extra/);
  });

  it('keep one document each', async () => {
    const bench = await hanging();

    expect(bench.store.json(executionDocumentKey(NAME))).toMatchObject({ status: 'RUNNING', input: INPUT });
    await bench.executions.close();
  });
});

const notSetUp = async (): Promise<never> => {
  throw new Error('Not set up.');
};
const noFunctions = {
  PrepareJob: notSetUp,
  PlanUnpackedCases: notSetUp,
  RecordShardFailure: notSetUp,
  PublishResults: notSetUp,
  ConfirmResults: notSetUp,
  FailJob: notSetUp,
};
