import { describe, expect, it } from 'vitest';
import {
  caseFileKey,
  caseIdOf,
  caseResultKey,
  caseZipKey,
  jobCasesKey,
  jobFileKey,
  type JobId,
} from '../../../core/layout.ts';
import type { JobCases } from '../../../core/use-cases/job-cases.ts';
import { succeededResult } from '../../fixtures/succeeded-result.ts';
import { answerOf, httpHome, type ProblemSeen, type TestHome } from './http-home.ts';

const JSON_WANTED = { accept: 'application/json' };
const CASE = caseIdOf(1);
const SHA = 'a'.repeat(64);

/** A job with one case that has succeeded; the job itself has ended. */
async function finished(home: TestHome): Promise<JobId> {
  const { ports, submit, happen } = home;
  const jobId = await submit();
  const zip = { key: caseZipKey(jobId, CASE), bytes: 100, sha256: SHA };
  const fileOf = (name: string) => ({ name, key: caseFileKey(jobId, CASE, name), bytes: 7, sha256: SHA });
  const files = [fileOf('liver.nii.gz'), fileOf('segmentations/liver.vtp')];
  const result = succeededResult(jobId, CASE, { files, zip, seconds: 12.5 });
  const found: JobCases = {
    layoutVersion: 1,
    jobId,
    inputKey: 'uploads/u-1/input',
    kind: 'ct',
    sha256: SHA,
    bytes: 6,
    cases: [{ caseId: CASE, name: 'Doe', key: 'k', bytes: 6, grid: null, error: null }],
    ignored: [],
    ignoredCount: 0,
  };
  await ports.store.put(caseResultKey(jobId, CASE), JSON.stringify(result));
  await ports.store.put(jobCasesKey(jobId), JSON.stringify(found));
  const counts = { total: 1, succeeded: 1, failed: 0 };
  await happen(jobId, { event: 'finish', state: 'SUCCEEDED', counts, zip, error: null });
  return jobId;
}

describe('the result of a job', () => {
  it('is a redirect to its signed URL', async () => {
    const home = httpHome();
    const jobId = await finished(home);

    const answer = await home.call(`GET /jobs/${jobId}/result`);

    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toContain(caseZipKey(jobId, CASE));
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('is the URL with size and checksum for who wants JSON', async () => {
    const home = httpHome();
    const jobId = await finished(home);

    const answer = await home.call(`GET /jobs/${jobId}/result`, undefined, JSON_WANTED);

    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ bytes: 100, sha256: SHA, url: expect.any(String) });
    expect(JSON.stringify(home.ports.log.lines)).not.toContain('memory://');
  });

  it('is a 409 while the job goes on, and a 404 when it ended without one', async () => {
    const home = httpHome();
    const jobId = await home.submit();

    const early = await home.call(`GET /jobs/${jobId}/result`);
    await home.call(`DELETE /jobs/${jobId}`);
    const late = await home.call(`GET /jobs/${jobId}/result`);

    expect([early.status, late.status]).toEqual([409, 404]);
    expect(await answerOf<ProblemSeen>(early)).toMatchObject({ code: 'JOB_NOT_FINISHED' });
    expect(await answerOf<ProblemSeen>(late)).toMatchObject({ code: 'RESULT_NOT_FOUND' });
  });
});

describe('index and table of a batch without a ZIP', () => {
  it('are fetched like a result; other files of the job are not there', async () => {
    const home = httpHome();
    const jobId = await finished(home);
    await home.ports.store.put(jobFileKey(jobId, 'index.html'), '<!doctype html>');

    const page = await home.call(`GET /jobs/${jobId}/files/index.html`, undefined, JSON_WANTED);
    const others = ['cases.csv', 'request.json', '..%2frequest.json'].map((name) =>
      home.call(`GET /jobs/${jobId}/files/${name}`),
    );

    expect(await page.json()).toMatchObject({ bytes: 15, fileName: `${jobId}_index.html` });
    for (const answer of await Promise.all(others)) expect(answer.status).toBe(404);
  });
});

describe('a case', () => {
  it('is read with its files, each of which can be fetched', async () => {
    const home = httpHome();
    const jobId = await finished(home);
    type CaseSeen = { readonly name: string; readonly files: readonly { name: string; href: string }[] };

    const seen = await answerOf<CaseSeen>(await home.call(`GET /jobs/${jobId}/cases/c0001`));

    expect(seen.name).toBe('Doe');
    expect(seen.files.map(({ name }) => name)).toEqual(['liver.nii.gz', 'segmentations/liver.vtp']);
    for (const { href, name } of seen.files) {
      const answer = await home.call(`GET ${href.replace('http://hpb.test', '')}`);

      expect(answer.status, name).toBe(302);
      expect(answer.headers.get('location')).toContain(caseFileKey(jobId, CASE, name));
    }
  });

  it('gives its ZIP, and the URL of a file as JSON', async () => {
    const home = httpHome();
    const jobId = await finished(home);

    const zip = await home.call(`GET /jobs/${jobId}/cases/c0001/files/results.zip`);
    const file = await home.call(`GET /jobs/${jobId}/cases/c0001/files/liver.nii.gz`, undefined, JSON_WANTED);

    expect(zip.headers.get('location')).toContain(caseZipKey(jobId, CASE));
    expect(await file.json()).toMatchObject({ bytes: 7, sha256: SHA });
  });

  it.each([
    'c0002',
    'c1',
    'c0001%2f..',
    '%2e%2e',
    'x',
    'c0001/files/nothing.nii.gz',
    'c0001/files/..%2fresult.json',
    'c0001/files/%2e%2e%2f%2e%2e%2frequest.json',
    'c0001/files/../../../request.json',
    'c0001/files/',
    'c0001/files/liver.nii.gz%00.txt',
  ])('is not there under %s', async (path) => {
    const home = httpHome();
    const jobId = await finished(home);

    const answer = await home.call(`GET /jobs/${jobId}/cases/${path}`);

    expect(answer.status).toBe(404);
    expect((await answerOf<ProblemSeen>(answer)).code).toMatch(/_NOT_FOUND$/);
  });
});
