import { describe, expect, it } from 'vitest';
import { HpbError } from '../../../core/errors.ts';
import { isFinal } from '../../../core/job.ts';
import { caseIdOf, jobPlanKey, shardFailureKey, type JobId } from '../../../core/layout.ts';
import { prepareJob } from '../../../core/use-cases/prepare-job.ts';
import { publishResults } from '../../../core/use-cases/publish-results.ts';
import { readJob } from '../../../core/use-cases/read-job.ts';
import { recordShardFailure } from '../../../core/use-cases/record-shard-failure.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';
import { foundCase, LINKS, reportOf, storeResult, submittedJob } from '../../fakes/stored-job.ts';

const logs = { workerLogs: { region: 'us-east-1', group: '/hpb/test/worker' } };
const publish = (jobId: JobId) => ({ phase: 'publish', jobId, attempt: 1 });

/** A job whose cases have been planned, all in one shard, which had no time left. */
async function lateJob(cases: number): Promise<{ readonly ports: ServiceFakes; readonly jobId: JobId }> {
  const ports = serviceFakes({ slots: 1 });
  const jobId = await submittedJob(ports);
  ports.intake.finds(reportOf(Array.from({ length: cases }, (_, index) => foundCase(jobId, index + 1))));
  await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
  const [shard] = ports.store.json(jobPlanKey(jobId, 1)) as readonly object[];
  await recordShardFailure({ ...ports, ...logs }, { shard, failure: { Error: 'States.Timeout' } });
  return { ports, jobId };
}

describe('why a shard failed, where that cannot be read', () => {
  it('is an unclean exit for its case, and the others keep their results', async () => {
    const { ports, jobId } = await lateJob(2);
    await storeResult(ports, jobId, caseIdOf(1));
    await ports.store.put(shardFailureKey(jobId, 1, 1), '{');

    expect(await publishResults(ports, publish(jobId))).toMatchObject({ outcome: 'PARTIAL', succeeded: 1 });
    const { cases } = await readJob(ports, jobId, LINKS);
    expect(cases.map(({ error }) => error?.code)).toEqual([undefined, 'UNCLEAN_EXIT']);
  });

  it('fails no job that has ended: its logs are searched instead', async () => {
    const { ports, jobId } = await lateJob(1);
    const first = await publishResults({ ...ports, ...logs }, publish(jobId));
    await ports.store.put(shardFailureKey(jobId, 1, 1), '{"layoutVersion":2}');

    const second = await publishResults({ ...ports, ...logs }, publish(jobId));

    expect(first).toMatchObject({ outcome: 'FAILED', code: 'JOB_TIMEOUT' });
    expect(second).toMatchObject({
      outcome: 'FAILED',
      code: 'JOB_TIMEOUT',
      log: expect.stringContaining(jobId),
    });
  });

  it.each(['list', 'get'] as const)(
    'fails no job that has ended when the store is away (%s)',
    async (call) => {
      const { ports, jobId } = await lateJob(1);
      const away = (key: string): boolean =>
        isFinal(ports.index.jobs.get(jobId)!.state) && /failures/.test(key);
      const store = new Proxy(ports.store, {
        get: (real, name) => {
          const value = Reflect.get(real, name) as unknown;
          if (typeof value !== 'function') return value;
          if (name !== call) return value.bind(real) as unknown;
          return async (key: string, ...more: readonly unknown[]) => {
            if (away(key)) throw new HpbError('STORE_UNAVAILABLE', 'The store is away.', { remedy: 'Wait.' });
            return (await Reflect.apply(value, real, [key, ...more])) as unknown;
          };
        },
      });

      expect(await publishResults({ ...ports, ...logs, store }, publish(jobId))).toMatchObject({
        outcome: 'FAILED',
        code: 'JOB_TIMEOUT',
      });
    },
  );
});
