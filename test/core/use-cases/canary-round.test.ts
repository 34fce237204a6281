import { describe, expect, it } from 'vitest';
import { canaryPhantom, phantomVolumes } from '../../../core/canary.ts';
import { HpbError, type ErrorCode } from '../../../core/errors.ts';
import { caseFileKey, caseIdOf, caseResultKey, type JobId } from '../../../core/layout.ts';
import { applyJobEvent, type JobEvent } from '../../../core/job.ts';
import { canaryRound, type CanaryPlan } from '../../../core/use-cases/canary-round.ts';
import { metadataOf } from '../../fixtures/case-metadata.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';

const HOUR = 3_600_000;
const PHANTOM = canaryPhantom();
const plan: CanaryPlan = { everyHours: 24, phantom: () => PHANTOM };

/** A canary under way. */
async function started(): Promise<{ readonly ports: ServiceFakes; readonly jobId: JobId }> {
  const ports = serviceFakes();
  expect(await canaryRound(ports, plan)).toEqual({ canary: 'started', reason: null });
  const [jobId] = [...ports.index.jobs.keys()];
  return { ports, jobId: jobId! };
}

const happen = (ports: ServiceFakes, jobId: JobId, event: JobEvent) =>
  ports.index.update(jobId, (job) => applyJobEvent(job, event, ports.time.now));

const COUNTS = { total: 1, succeeded: 1, failed: 0 };

const LIVER = { ...PHANTOM.truth, data: PHANTOM.truth.data.map((label) => Number(label > 0 && label < 4)) };
const metadata = metadataOf(PHANTOM.ct, [{ model: 'liver', mask: LIVER }]);

/** Its end with these volumes, ml. */
async function succeed(
  ports: ServiceFakes,
  jobId: JobId,
  volumes: Readonly<Record<string, number>>,
  demo = true,
): Promise<void> {
  const key = caseFileKey(jobId, caseIdOf(1), 'metadata.json');
  const structures = Object.entries(volumes).map(([name, volumeMl]) => ({
    ...metadata.structures[0]!,
    name,
    volumeMl,
  }));
  const text = JSON.stringify({ ...metadata, demo, structures });
  await ports.store.put(key, text);
  await ports.store.put(
    caseResultKey(jobId, caseIdOf(1)),
    JSON.stringify({
      layoutVersion: 1,
      jobId,
      caseId: caseIdOf(1),
      attempt: 1,
      outcome: 'succeeded',
      error: null,
      fingerprint: 'f',
      demo,
      files: [{ name: 'metadata.json', key, bytes: text.length, sha256: ports.ids.sha256(text) }],
      zip: null,
      seconds: 60,
    }),
  );
  await happen(ports, jobId, {
    event: 'finish',
    attempt: 1,
    state: 'SUCCEEDED',
    counts: COUNTS,
    zip: null,
    error: null,
  });
}

async function fail(ports: ServiceFakes, jobId: JobId, code: ErrorCode): Promise<void> {
  const error = new HpbError(code, 'It failed.', { remedy: 'Look.' }).toDocument();
  await happen(ports, jobId, { event: 'fail', attempt: 1, error });
}

const TRUTH = Object.fromEntries(phantomVolumes(PHANTOM).map(({ structure, ml }) => [structure, ml]));
const failed = ({ samples }: ServiceFakes) =>
  samples.filter(({ name }) => name === 'CanaryFailed').map(({ value }) => value);

describe('a round of the canary', () => {
  it('sends a CT that the service takes for one', async () => {
    const { ports } = await started();

    expect(ports.executions.started).toHaveLength(1);
    const inputKey = (await ports.store.list('uploads/')).find(({ key }) => key.endsWith('/input'))!.key;
    expect(await ports.intake.peek({ inputKey, fileName: 'canary.nii' })).toMatchObject({
      grid: { dims: [120, 96, 88] },
    });
  });

  it('waits while its job goes on, and starts no second', async () => {
    const { ports } = await started();
    ports.time.now += HOUR;

    expect(await canaryRound(ports, plan)).toEqual({ canary: 'waiting', reason: null });
    expect(ports.index.jobs.size).toBe(1);
    expect(failed(ports)).toEqual([]);
  });

  it('tells that it came through, purges it, and starts the next when it is due', async () => {
    const { ports, jobId } = await started();
    ports.time.now += 120_000;
    await succeed(ports, jobId, TRUTH);

    expect(await canaryRound(ports, plan)).toEqual({ canary: 'succeeded', reason: null });
    expect(failed(ports)).toEqual([0]);
    expect(ports.samples).toContainEqual({ name: 'CanarySeconds', value: 120 });
    expect(ports.index.jobs.size).toBe(0);
    expect(await ports.store.list('uploads/')).toEqual([]);
    expect(await canaryRound(ports, plan)).toEqual({ canary: 'resting', reason: null });
    ports.time.now += 24 * HOUR - 120_000;
    expect(await canaryRound(ports, plan)).toEqual({ canary: 'started', reason: null });
  });

  it('fails volumes that are not those of the synthetic CT', async () => {
    const { ports, jobId } = await started();
    await succeed(ports, jobId, { ...TRUTH, liver: 2 * TRUTH['liver']! });

    expect(await canaryRound(ports, plan)).toEqual({
      canary: 'failed',
      reason: expect.stringMatching(/^liver [\d.]+ of [\d.]+ ml$/),
    });
    expect(failed(ports)).toEqual([1]);
    expect(ports.index.jobs.size).toBe(0);
  });

  it('compares no volumes of real weights, which know no synthetic CT', async () => {
    const { ports, jobId } = await started();
    await succeed(ports, jobId, { liver: 1 }, false);

    expect(await canaryRound(ports, plan)).toMatchObject({ canary: 'succeeded' });
  });

  it('fails a job that failed, and says with which code', async () => {
    const { ports, jobId } = await started();
    await fail(ports, jobId, 'ENGINE_DIED');

    expect(await canaryRound(ports, plan)).toEqual({ canary: 'failed', reason: 'FAILED ENGINE_DIED' });
  });

  it('fails a job that is not over after its deadline, and ends it', async () => {
    const { ports, jobId } = await started();
    const deadlineAt = ports.time.now + HOUR;
    await happen(ports, jobId, { event: 'run', attempt: 1, counts: { ...COUNTS, succeeded: 0 }, deadlineAt });
    ports.time.now = deadlineAt + 3 * HOUR;

    expect(await canaryRound(ports, plan)).toEqual({ canary: 'failed', reason: 'still RUNNING' });
    expect(ports.executions.stopped).toHaveLength(1);
  });

  it('knows nothing of a job that somebody has purged, and goes on', async () => {
    const { ports, jobId } = await started();
    await ports.index.remove(jobId);

    expect(await canaryRound(ports, plan)).toEqual({ canary: 'lost', reason: null });
    expect(failed(ports)).toEqual([]);
    ports.time.now += 24 * HOUR;
    expect(await canaryRound(ports, plan)).toMatchObject({ canary: 'started' });
  });
});
