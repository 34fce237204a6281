import { describe, expect, it } from 'vitest';
import { JOB, named, prepared, runToEnd, ScriptedJobs, workflowBench } from '../fixtures/workflow-run.ts';

const FAILED = { code: 'JOB_CODE', message: 'The reason.', jobId: JOB, attempt: 1 };

describe("a worker of the workflow's own", () => {
  const large = {
    'that unpacks': { PrepareJob: () => prepared({ route: 'unpack' }) },
    'that publishes': { PrepareJob: () => prepared({ publisher: 'worker' }) },
  } as const;
  const ends = {
    fails: (): number => 1,
    'cannot be started': (): Error => named('Batch.ClientException'),
  } as const;
  const after = {
    PlanUnpackedCases: (): never => {
      throw named('WORKFLOW_FAILED', 'It left nothing.');
    },
    ConfirmResults: (): never => {
      throw named('WORKFLOW_FAILED', 'It left nothing.');
    },
  };

  it.each(
    Object.keys(large).flatMap((which) =>
      [...Object.keys(ends), 'leaves nothing'].map((end) => [which, end]),
    ),
  )('%s and %s is told from a function that failed', async (which, end) => {
    const own = ends[end as keyof typeof ends] ?? (() => 0);
    const bench = workflowBench(
      { ...large[which as keyof typeof large], ...after, FailJob: () => FAILED },
      new ScriptedJobs(({ gpu }) => (gpu ? 0 : own())),
    );

    await runToEnd(bench);

    expect(bench.calls.at(-1)).toMatchObject({ state: 'FailJob', payload: { failure: { ofWorker: true } } });
  });

  it('that has had all its time is told from a function too', async () => {
    const unpack = { ...prepared().unpack, timeoutSeconds: 1 };
    const bench = workflowBench(
      { PrepareJob: () => prepared({ route: 'unpack', unpack }), FailJob: () => FAILED },
      new ScriptedJobs(() => 'hang'),
    );

    await runToEnd(bench);

    expect(bench.calls.at(-1)!.payload).toMatchObject({
      failure: { Error: 'States.Timeout', ofWorker: true },
    });
  });

  it('is not to blame for a function that runs without one', async () => {
    const bench = workflowBench({
      PrepareJob: () => prepared(),
      PublishResults: () => {
        throw named('DISK_FULL');
      },
      FailJob: () => FAILED,
    });

    await runToEnd(bench);

    expect((bench.calls.at(-1)!.payload as { failure: object }).failure).not.toHaveProperty('ofWorker');
  });
});
