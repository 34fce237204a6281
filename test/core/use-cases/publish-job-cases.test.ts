import { describe, expect, it } from 'vitest';
import { FileObjectStore } from '../../../adapters/file-object-store.ts';
import { systemClock } from '../../../adapters/system.ts';
import { viewerBucket } from '../../../adapters/viewer-bucket.ts';
import { jpegOfPng } from '../../../adapters/viewer-thumbnail.ts';
import { caseIdOf, type JobId } from '../../../core/layout.ts';
import type { CaseEnd } from '../../../core/use-cases/gather-outcomes.ts';
import type { ViewerPorts } from '../../../core/use-cases/publish-case.ts';
import { publishToViewer } from '../../../core/use-cases/publish-job-cases.ts';
import { serviceFakes } from '../../fakes/service-fakes.ts';
import { submittedJob } from '../../fakes/stored-job.ts';
import { emulatedBucket } from '../../fixtures/emulated-bucket.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';
import { storePackage } from '../../fixtures/viewer-package.ts';

const HOMES = {
  'a folder': async (): Promise<ViewerPorts> => ({ viewer: new FileObjectStore(tempFolder()), jpegOfPng }),
  'a bucket (MiniStack)': async (): Promise<ViewerPorts> => {
    const { client, bucket } = await emulatedBucket();
    return viewerBucket(client, bucket, systemClock);
  },
} as const;

/** A job of two cases, of which the second has failed. */
async function endedJob(viewer: ViewerPorts, publish: boolean) {
  const ports = { ...serviceFakes(), hasViewer: true, viewer: async () => viewer };
  const jobId = await submittedJob(ports, { body: { publish } });
  const result = await storePackage(ports.store, jobId);
  const entry = (ordinal: number): CaseEnd['entry'] =>
    ({ caseId: caseIdOf(ordinal), name: 'Doe' }) as CaseEnd['entry'];
  const ends: readonly CaseEnd[] = [
    { entry: entry(1), result },
    { entry: entry(2), result: null },
  ];
  return { ports, job: (await ports.index.get(jobId))!, ends };
}

const namesIn = async ({ viewer }: ViewerPorts, jobId: JobId): Promise<readonly string[]> => {
  const keys = (await viewer.list('')).map(({ key }) => key);
  return keys.map((key) => key.replace(jobId, 'JOB').replace(/-[0-9a-f]{8,}\./, '.')).toSorted();
};

describe.each(Object.entries(HOMES))('a job that is submitted with publish, into %s', (_home, home) => {
  it('puts the case that has a result there, under the names of job and case', async () => {
    const viewer = await home();
    const { ports, job, ends } = await endedJob(viewer, true);

    await publishToViewer(ports, job, ends);
    const once = await namesIn(viewer, job.jobId);
    await publishToViewer(ports, job, ends);

    expect(once).toEqual(expect.arrayContaining(['liverCases/JOB-c0001/manifest.json', 'meta/cases.json']));
    expect(once.filter((name) => !name.startsWith('liverCases/JOB-c0001/'))).toEqual(['meta/cases.json']);
    expect(await namesIn(viewer, job.jobId)).toEqual(once);
    expect(ports.log.lines.at(-1)).toMatchObject({ event: 'job:published', fields: { cases: 1 } });
  });

  it('and without it puts nothing there', async () => {
    const viewer = await home();
    const { ports, job, ends } = await endedJob(viewer, false);

    await publishToViewer(ports, job, ends);

    expect(await viewer.viewer.list('')).toEqual([]);
  });
});

describe('where there is no viewer', () => {
  it('a job that asks for it is refused', async () => {
    await expect(submittedJob(serviceFakes(), { body: { publish: true } })).rejects.toMatchObject({
      code: 'BAD_OPTION',
    });
  });
});
