import { describe, expect, it } from 'vitest';
import { HpbError } from '../../core/errors.ts';
import {
  named,
  plan,
  prepared,
  published,
  runToEnd,
  ScriptedJobs,
  workflowBench,
} from '../fixtures/workflow-run.ts';

describe('a shard that dies', () => {
  const recorded = { PrepareJob: () => prepared(), RecordShardFailure: () => null };

  it('is recorded with the record of its job, and the others go on', async () => {
    const bench = workflowBench(
      { ...recorded, PublishResults: () => published('PARTIAL') },
      new ScriptedJobs(({ name }) => (name.endsWith('s0001') ? 137 : 0)),
    );

    const { status } = await runToEnd(bench);

    expect({ status, states: bench.states() }).toEqual({
      status: 'SUCCEEDED',
      states: ['PrepareJob', 'RecordShardFailure', 'PublishResults'],
    });
    const { shard, failure } = bench.calls[1]!.payload as {
      shard: unknown;
      failure: { Error: string; Cause: string };
    };
    expect(shard).toMatchObject(plan(1)[0]!);
    expect(failure.Error).toBe('States.TaskFailed');
    expect(JSON.parse(failure.Cause)).toMatchObject({
      JobName: plan(1)[0]!.name,
      Status: 'FAILED',
      StatusReason: 'It failed',
      Container: { ExitCode: 137 },
    });
  });

  it('with all the others leaves a failed job', async () => {
    const bench = workflowBench(
      { ...recorded, PublishResults: () => published('FAILED') },
      new ScriptedJobs(() => 1),
    );

    const facts = await runToEnd(bench);

    expect(facts).toMatchObject({ status: 'FAILED', error: 'NO_CASE_SUCCEEDED' });
    expect(bench.states().filter((state) => state === 'RecordShardFailure')).toHaveLength(2);
  });

  it('goes on even when its failure cannot be recorded', async () => {
    const bench = workflowBench(
      {
        ...recorded,
        RecordShardFailure: () => {
          throw named('UNEXPECTED');
        },
        PublishResults: () => published('PARTIAL'),
      },
      new ScriptedJobs(({ name }) => (name.endsWith('s0001') ? 1 : 0)),
    );

    expect(await runToEnd(bench)).toMatchObject({ status: 'SUCCEEDED' });
  });

  it('for lack of time is ended before it is recorded', async () => {
    const stoppedWhenRecorded: number[] = [];
    const jobs = new ScriptedJobs(() => 'hang');
    const bench = workflowBench(
      {
        ...recorded,
        RecordShardFailure: () => void stoppedWhenRecorded.push(jobs.stopped.length),
        PublishResults: () => published('FAILED'),
      },
      jobs,
    );

    await runToEnd(bench, plan(1, { timeoutSeconds: 1 }));

    expect(stoppedWhenRecorded).toEqual([1]);
    expect(bench.calls[1]!.payload).toMatchObject({ failure: { Error: 'States.Timeout' } });
  });

  it('is tried again when the queue is busy', async () => {
    let refusals = 2;
    class Busy extends ScriptedJobs {
      override async submit(spec: Parameters<ScriptedJobs['submit']>[0]): Promise<string> {
        if (refusals-- > 0)
          throw new HpbError('SERVICE_UNREACHABLE', 'Too many requests.', { remedy: 'Wait.' });
        return super.submit(spec);
      }
    }
    const bench = workflowBench({ ...recorded, PublishResults: () => published('SUCCEEDED') }, new Busy());

    await runToEnd(bench, plan(1));

    expect(bench.jobs.specs).toHaveLength(1);
    expect(bench.states()).not.toContain('RecordShardFailure');
  });
});
