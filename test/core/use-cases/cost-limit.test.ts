import { describe, expect, it } from 'vitest';
import { COLD_START_SECONDS, machineUsd } from '../../../core/costs.ts';
import { calibrationKey, jobPlanKey, type JobId, type UploadId } from '../../../core/layout.ts';
import { datatypeOf } from '../../../core/volume/nifti-datatypes.ts';
import { encodeNiftiHeader } from '../../../core/volume/nifti-encode.ts';
import { caseSeconds, sizeTier, SIZE_TIERS } from '../../../core/plan.ts';
import type { Grid } from '../../../core/volume/volume.ts';
import { prepareJob } from '../../../core/use-cases/prepare-job.ts';
import { submitJob } from '../../../core/use-cases/submit-job.ts';
import { openUpload } from '../../../core/use-cases/uploads.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';
import { foundCase, LINKS, reportOf, submittedJob } from '../../fakes/stored-job.ts';

const GRID: Grid = { dims: [512, 512, 300], affine: [0.8, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] };
const RUN = { models: ['liver', 'task008'], options: { fast: true, folds: [0], tta: false } } as const;

/** What the CT costs, from the parts that the estimate is said to be made of. */
function ctUsd(): number {
  expect(sizeTier(GRID, RUN)).toBe(SIZE_TIERS[0]);
  const seconds = caseSeconds(GRID, RUN, { slowness: 1, modelTimeoutSeconds: 1_800 });
  return machineUsd('g4dn.xlarge', 'onDemand', COLD_START_SECONDS + seconds);
}

async function uploadedCt(ports: ServiceFakes): Promise<UploadId> {
  const header = encodeNiftiHeader(GRID, datatypeOf(new Int16Array()));
  const bytes = Buffer.concat([header, Buffer.alloc(1_000)]);
  return uploaded(ports, bytes);
}

async function uploaded(ports: ServiceFakes, bytes: Uint8Array): Promise<UploadId> {
  const { uploadId, put } = await openUpload(ports, { fileName: 'ct.nii', sizeBytes: bytes.length });
  await ports.links.send(put!, bytes);
  return uploadId;
}

const submit = (ports: ServiceFakes, uploadId: UploadId, maxCostUsd?: number) =>
  submitJob(ports, { target: 'both', body: { uploadId, maxCostUsd }, baseUrl: LINKS.baseUrl });

/** An archive of so many cases, prepared. */
async function preparedArchive(ports: ServiceFakes, cases: number, maxCostUsd?: number): Promise<JobId> {
  const jobId = await submittedJob(ports, { body: { maxCostUsd } });
  ports.intake.finds(reportOf(Array.from({ length: cases }, (_, at) => foundCase(jobId, at + 1))));
  await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
  return jobId;
}

describe('a CT', () => {
  it('above the limit of its request is refused at once with estimate and limit, and is no job', async () => {
    const ports = serviceFakes();
    const limit = Number((ctUsd() - 0.001).toFixed(4));

    const refused = submit(ports, await uploadedCt(ports), limit);

    await expect(refused).rejects.toMatchObject({
      code: 'JOB_TOO_EXPENSIVE',
      message: expect.stringMatching(
        new RegExp(
          `about \\$0\\.\\d+ \\(uncalibrated estimate: 1 case on 1 machine on demand, start included\\); the limit of the request is \\$${limit}\\.`,
        ),
      ),
      remedy: expect.stringContaining('--max-cost'),
      details: { limitUsd: limit, cases: 1, calibrated: false },
    });
    expect(ports.index.jobs.size).toBe(0);
  });

  it('is priced by runs on a T4 where they know every model', async () => {
    const refusalWith = async (device: string): Promise<unknown> => {
      const ports = serviceFakes();
      const own = { runs: 9, seconds: { base: 500, slope: 0 }, medianError: 0.1, cardBytes: null };
      const models = { 'liver-fast': own, task008: own };
      await ports.store.put(calibrationKey(), JSON.stringify({ schemaVersion: 1, device, runs: 18, models }));
      return submit(ports, await uploadedCt(ports), 0.001).catch((thrown: unknown) => thrown);
    };

    const usd = machineUsd('g4dn.xlarge', 'onDemand', COLD_START_SECONDS + 2 * 500);
    expect(await refusalWith('Tesla T4')).toMatchObject({
      message: expect.stringContaining('(estimate by 18 runs: 1 case'),
      details: { calibrated: true, estimatedUsd: Number(usd.toPrecision(3)) },
    });
    expect(await refusalWith('cpu')).toMatchObject({
      message: expect.stringContaining('uncalibrated estimate'),
      details: { calibrated: false, estimatedUsd: Number(ctUsd().toPrecision(3)) },
    });
  });

  it('just below the limit of its request is taken', async () => {
    const ports = serviceFakes();

    const { created } = await submit(ports, await uploadedCt(ports), ctUsd() + 0.001);

    expect(created).toBe(true);
  });

  it('is held against the lower one of both limits, which the sentence names', async () => {
    const ports = serviceFakes({ maxJobCostUsd: 0.01 });
    const uploadId = await uploadedCt(ports);

    await expect(submit(ports, uploadId, 50)).rejects.toMatchObject({
      message: expect.stringContaining('the limit of this service is $0.01'),
      remedy: expect.stringContaining('maxJobCostUsd'),
    });
    await expect(submit(ports, uploadId, 0.005)).rejects.toMatchObject({
      message: expect.stringContaining('the limit of the request is $0.005'),
    });
  });

  it('is not read at all where no CT can reach the limit', async () => {
    const ports = serviceFakes({ maxJobCostUsd: 100 });

    // A file that cannot be read: only preparing the job finds out.
    expect((await submit(ports, await uploaded(ports, new Uint8Array(10)))).created).toBe(true);
  });

  it('that cannot be read passes, and its job says why', async () => {
    const ports = serviceFakes();

    expect((await submit(ports, await uploaded(ports, new Uint8Array(10)), 0.01)).created).toBe(true);
  });
});

describe('an archive', () => {
  it('is taken, and its job fails when its cases are known, before any shard is written', async () => {
    const ports = serviceFakes({ slots: 2 });
    const jobId = await submittedJob(ports, { body: { maxCostUsd: 0.2 } });
    ports.intake.finds(reportOf(Array.from({ length: 20 }, (_, at) => foundCase(jobId, at + 1))));

    const refused = prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });

    await expect(refused).rejects.toMatchObject({ code: 'JOB_TOO_EXPENSIVE' });
    expect(ports.index.jobs.get(jobId)).toMatchObject({
      state: 'FAILED',
      error: {
        code: 'JOB_TOO_EXPENSIVE',
        message: expect.stringContaining('20 cases on 2 machines on demand'),
        details: { limitUsd: 0.2, cases: 20 },
      },
    });
    expect(await ports.store.list(jobPlanKey(jobId, 1))).toEqual([]);
    expect(await ports.store.list(`jobs/${jobId}/shards/`)).toEqual([]);
  });

  it('costs the work of its cases and the start of each machine', async () => {
    const estimates = await Promise.all(
      [1, 4].map(async (slots) => {
        const error = await preparedArchive(serviceFakes({ slots }), 8, 0.001).catch(
          (thrown: unknown) => thrown,
        );
        return (error as { details: { estimatedUsd: number } }).details.estimatedUsd;
      }),
    );

    const start = machineUsd('g4dn.xlarge', 'onDemand', COLD_START_SECONDS);
    expect(estimates[1]! - estimates[0]!).toBeCloseTo(3 * start, 2);
  });

  it('below both limits is planned', async () => {
    const ports = serviceFakes({ maxJobCostUsd: 10 });

    const jobId = await preparedArchive(ports, 20, 5);

    expect(ports.index.jobs.get(jobId)!.state).toBe('RUNNING');
  });
});
