import { describe, expect, it } from 'vitest';
import {
  ended,
  INPUT,
  JOB,
  NAME,
  named,
  plan,
  prepared,
  published,
  runToEnd,
  ScriptedJobs,
  workflowBench,
} from '../fixtures/workflow-run.ts';

const FAILED = { code: 'JOB_CODE', message: 'The reason.', jobId: JOB, attempt: 1 };

describe('a job that goes well', () => {
  it('is prepared, run shard by shard, and published', async () => {
    const bench = workflowBench({
      PrepareJob: () => prepared(),
      PublishResults: () => published('SUCCEEDED'),
    });

    const facts = await runToEnd(bench);

    expect(facts).toEqual({ name: NAME, status: 'SUCCEEDED', error: null, cause: null });
    expect(bench.calls).toEqual([
      { state: 'PrepareJob', payload: { phase: 'prepare', ...INPUT } },
      { state: 'PublishResults', payload: { phase: 'publish', ...INPUT } },
    ]);
    expect(bench.jobs.specs.map(({ name, ...spec }) => [name, spec])).toEqual(
      plan(2).map(({ name, shardKey }) => [
        name,
        {
          command: ['--shard-key', shardKey],
          priority: 1,
          memoryMib: 4096,
          vcpus: 2,
          timeoutSeconds: 60,
          gpu: true,
        },
      ]),
    );
  });

  it('of the interactive kind goes before bulk ones', async () => {
    const bench = workflowBench({
      PrepareJob: () => prepared(),
      PublishResults: () => published('SUCCEEDED'),
    });

    await runToEnd(bench, plan(1, { priority: 0 }));

    expect(bench.jobs.specs).toMatchObject([{ priority: 0, gpu: true }]);
  });

  it('without a fit case is published at once', async () => {
    const bench = workflowBench({
      PrepareJob: () => prepared({ shards: 0 }),
      PublishResults: () => published('FAILED'),
    });

    const facts = await runToEnd(bench, []);

    expect(facts).toMatchObject({
      status: 'FAILED',
      error: 'NO_CASE_SUCCEEDED',
      cause: 'No case succeeded.',
    });
    expect(bench.jobs.specs).toEqual([]);
  });

  it('tried again for its large result alone is published by a worker too', async () => {
    const bench = workflowBench({
      PrepareJob: () => prepared({ shards: 0, publisher: 'worker' }),
      ConfirmResults: () => published('SUCCEEDED'),
    });

    const { status } = await runToEnd(bench, []);

    expect({ status, states: bench.states() }).toEqual({
      status: 'SUCCEEDED',
      states: ['PrepareJob', 'ConfirmResults'],
    });
    expect(bench.jobs.specs).toMatchObject([{ gpu: false, command: ['--publish', JOB, '--attempt', '1'] }]);
  });

  it('with a large archive is unpacked by a worker without a GPU', async () => {
    const bench = workflowBench({
      PrepareJob: () => prepared({ route: 'unpack' }),
      PlanUnpackedCases: () => prepared(),
      PublishResults: () => published('SUCCEEDED'),
    });

    const { status } = await runToEnd(bench);

    expect({ status, states: bench.states() }).toEqual({
      status: 'SUCCEEDED',
      states: ['PrepareJob', 'PlanUnpackedCases', 'PublishResults'],
    });
    expect(bench.jobs.specs[0]).toMatchObject({ gpu: false, command: ['--take', JOB, '--attempt', '1'] });
    expect(bench.calls[1]!.payload).toEqual({ phase: 'plan', ...INPUT });
  });

  it('with a large result is published by a worker without a GPU', async () => {
    const bench = workflowBench({
      PrepareJob: () => prepared({ publisher: 'worker' }),
      ConfirmResults: () => published('PARTIAL'),
    });

    const { status } = await runToEnd(bench);

    expect({ status, states: bench.states() }).toEqual({
      status: 'SUCCEEDED',
      states: ['PrepareJob', 'ConfirmResults'],
    });
    expect(bench.jobs.specs.at(-1)).toMatchObject({
      gpu: false,
      command: ['--publish', JOB, '--attempt', '1'],
    });
  });
});

describe('a job whose input is bad', () => {
  it('fails with the code of PrepareJob', async () => {
    const bench = workflowBench({
      PrepareJob: () => {
        throw named('ARCHIVE_UNSAFE', 'The archive has a link.');
      },
      FailJob: () => FAILED,
    });

    const facts = await runToEnd(bench);

    expect(facts).toMatchObject({ status: 'FAILED', error: 'JOB_CODE', cause: 'The reason.' });
    const { failure } = bench.calls[1]!.payload as { failure: { Error: string; Cause: string } };
    expect(failure.Error).toBe('ARCHIVE_UNSAFE');
    expect(JSON.parse(failure.Cause)).toMatchObject({ errorMessage: 'The archive has a link.' });
  });

  it('that a worker finds out fails too', async () => {
    const bench = workflowBench(
      { PrepareJob: () => prepared({ route: 'unpack' }), FailJob: () => FAILED },
      new ScriptedJobs(() => 1),
    );

    const { status } = await runToEnd(bench);

    expect({ status, states: bench.states() }).toEqual({
      status: 'FAILED',
      states: ['PrepareJob', 'FailJob'],
    });
    expect(bench.calls[1]!.payload).toMatchObject({ failure: { Error: 'States.TaskFailed' } });
  });
});

describe('a function that fails', () => {
  it('of the store is called again', async () => {
    let failures = 3;
    const bench = workflowBench({
      PrepareJob: () => {
        if (failures-- > 0) throw named('STORE_UNAVAILABLE');
        return prepared();
      },
      PublishResults: () => published('SUCCEEDED'),
    });

    const { status } = await runToEnd(bench);

    expect({ status, prepares: bench.states().filter((state) => state === 'PrepareJob').length }).toEqual({
      status: 'SUCCEEDED',
      prepares: 4,
    });
  });

  it('while publishing fails the job', async () => {
    const bench = workflowBench({
      PrepareJob: () => prepared(),
      PublishResults: () => {
        throw named('DISK_FULL');
      },
      FailJob: () => FAILED,
    });

    const { status } = await runToEnd(bench);

    expect({ status, last: bench.states().at(-1) }).toEqual({ status: 'FAILED', last: 'FailJob' });
  });

  it('while its results are published by a worker fails the job', async () => {
    const bench = workflowBench(
      { PrepareJob: () => prepared({ publisher: 'worker' }), FailJob: () => FAILED },
      new ScriptedJobs(({ gpu }) => (gpu ? 0 : 1)),
    );

    const { status } = await runToEnd(bench);

    expect({ status, states: bench.states() }).toEqual({
      status: 'FAILED',
      states: ['PrepareJob', 'FailJob'],
    });
  });

  it('while failing the job leaves the code of what had failed', async () => {
    const fails = (code: string) => (): never => {
      throw named(code);
    };
    const bench = workflowBench({ PrepareJob: fails('DISK_FULL'), FailJob: fails('UNEXPECTED') });

    expect(await runToEnd(bench)).toMatchObject({ status: 'FAILED', error: 'DISK_FULL' });
  });

  it('to write a plan fails the job by the reader', async () => {
    const bench = workflowBench({
      PrepareJob: () => prepared({ planKey: 'jobs/none/plan.json' }),
      FailJob: () => FAILED,
    });

    await runToEnd(bench);

    expect(bench.calls[1]!.payload).toMatchObject({ failure: { Error: 'States.ItemReaderFailed' } });
  });

  it('by an answer that is too large for a state fails the job', async () => {
    const bench = workflowBench({
      PrepareJob: () => ({ ...prepared(), cases: 'x'.repeat(262_144) }),
      FailJob: () => FAILED,
    });

    await runToEnd(bench);

    expect(bench.calls[1]!.payload).toMatchObject({ failure: { Error: 'States.DataLimitExceeded' } });
  });
});

describe('a job that is cancelled', () => {
  it('ends its workers before the stop has ended, and records no failures', async () => {
    const bench = workflowBench({ PrepareJob: () => prepared() }, new ScriptedJobs(() => 'hang'));
    await bench.store.put(prepared().planKey, JSON.stringify(plan(2)));
    await bench.executions.start(NAME, INPUT);
    while (bench.jobs.specs.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));

    await bench.executions.stop(NAME, { error: 'CANCELLED', cause: 'The caller said so.' });

    expect(bench.jobs.stopped).toHaveLength(2);
    expect(await ended(bench)).toEqual({
      name: NAME,
      status: 'ABORTED',
      error: 'CANCELLED',
      cause: 'The caller said so.',
    });
    expect(bench.states()).toEqual(['PrepareJob']);
  });
});
