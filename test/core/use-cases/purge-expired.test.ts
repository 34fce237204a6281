import { describe, expect, it } from 'vitest';
import { StoreJobIndex } from '../../../adapters/store-job-index.ts';
import { HpbError } from '../../../core/errors.ts';
import { caseIdOf, jobDocumentKey, type JobId } from '../../../core/layout.ts';
import { prepareJob } from '../../../core/use-cases/prepare-job.ts';
import { publishResults } from '../../../core/use-cases/publish-results.ts';
import { purgeExpired } from '../../../core/use-cases/purge-expired.ts';
import { openUpload } from '../../../core/use-cases/uploads.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';
import { foundCase, reportOf, storeResult, submittedJob, uploadOf } from '../../fakes/stored-job.ts';

async function finishedJob(ports: ServiceFakes): Promise<JobId> {
  const jobId = await submittedJob(ports);
  ports.intake.finds(reportOf([foundCase(jobId, 1)]));
  await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
  await storeResult(ports, jobId, caseIdOf(1), {});
  await publishResults(ports, { jobId, attempt: 1 });
  return jobId;
}

describe('retention', () => {
  it('takes finished jobs and forgotten uploads only', async () => {
    const ports = serviceFakes();
    await finishedJob(ports);
    await uploadOf(ports);
    const running = await submittedJob(ports);
    ports.time.now += 1_000;
    const young = await finishedJob(ports);

    const purged = await purgeExpired(ports, { olderThanMs: 500 });

    expect(purged).toMatchObject({ jobs: 1, uploads: 1 });
    expect([...ports.index.jobs.keys()].sort()).toEqual([running, young].sort());
  });

  it('takes uploads whose document is damaged, with their jobs', async () => {
    const ports = serviceFakes();
    await finishedJob(ports);
    await uploadOf(ports);
    for (const key of ports.store.keys('uploads/').filter((one) => one.endsWith('.json')))
      await ports.store.put(key, '{"half');
    ports.time.now += 1_000;

    expect(await purgeExpired(ports, { olderThanMs: 500 })).toMatchObject({ jobs: 1, uploads: 1 });
    expect(ports.store.keys()).toEqual([]);
  });

  it('takes an upload whose only submission died before it wrote its job, and what that has written', async () => {
    const ports = serviceFakes();
    ports.index.beforeWrite = () => {
      throw new Error('killed');
    };
    await expect(submittedJob(ports)).rejects.toThrow('killed');
    ports.time.now += 3_600_000;

    expect(await purgeExpired(ports, { olderThanMs: 500 })).toMatchObject({ jobs: 0, uploads: 1 });
    expect(ports.store.keys()).toEqual([]);
  });

  it('takes jobs whose document is damaged once they are as old, though no list shows them', async () => {
    const fakes = serviceFakes();
    const { store, clock } = fakes;
    const index = new StoreJobIndex(store, clock);
    const ports = { ...fakes, index };
    const jobId = await finishedJob(fakes);
    await index.create(fakes.index.jobs.get(jobId)!);
    await store.put(jobDocumentKey(jobId), '{"half');
    ports.time.now += 1_000;

    expect(await purgeExpired(ports, { olderThanMs: 5_000 })).toMatchObject({ jobs: 0 });
    expect(await purgeExpired(ports, { olderThanMs: 500 })).toMatchObject({ jobs: 1 });
    expect(store.keys()).toEqual([]);
  });

  it('leaves an upload alone whose parts still come, and takes it when they come no longer', async () => {
    const ports = serviceFakes({ multipartFromBytes: 100, partBytes: 40 });
    await openUpload(ports, { fileName: 'slow.zip', sizeBytes: 100 });
    let lastPartAt = ports.time.now + 900;
    Object.assign(ports.links, { lastPartAt: () => Promise.resolve(lastPartAt) });
    ports.time.now += 1_000;

    expect(await purgeExpired(ports, { olderThanMs: 500 })).toMatchObject({ uploads: 0 });
    lastPartAt -= 600;
    expect(await purgeExpired(ports, { olderThanMs: 500 })).toMatchObject({ uploads: 1 });
    expect(ports.store.keys()).toEqual([]);
  });

  it('goes on with the others where one cannot be deleted, and tells of it at the end', async () => {
    const ports = serviceFakes();
    const [stuck, other] = [await finishedJob(ports), await finishedJob(ports)];
    await uploadOf(ports);
    ports.time.now += 1_000;
    const removeAll = ports.store.removeAll.bind(ports.store);
    ports.store.removeAll = (prefix) =>
      prefix.startsWith(`jobs/${stuck}/`)
        ? Promise.reject(new HpbError('STORE_REFUSED', 'No.', { remedy: 'Allow it.' }))
        : removeAll(prefix);

    await expect(purgeExpired(ports, { olderThanMs: 500 })).rejects.toMatchObject({ code: 'STORE_REFUSED' });

    expect([...ports.index.jobs.keys()]).toEqual([stuck]);
    expect(ports.store.keys(`jobs/${other}/`)).toEqual([]);
    expect(ports.store.keys('uploads/')).toEqual([]);
  });
});
