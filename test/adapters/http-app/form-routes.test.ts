import { describe, expect, it } from 'vitest';
import { caseNameOf } from '../../../adapters/http-app/form-answer.ts';
import { HpbError } from '../../../core/errors.ts';
import { readRequest } from '../../../core/use-cases/job-request.ts';
import { storePackage } from '../../fixtures/viewer-package.ts';
import { CT, ends, formOf, onlyJob, post } from './form-home.ts';
import { answerOf, httpHome, type ProblemSeen } from './http-home.ts';

describe('a CT that comes as a form', () => {
  it('is answered with the ZIP of its results, named after the file', async () => {
    const home = httpHome();
    ends(home, 'SUCCEEDED');

    const answer = await post(home, '/segment/both', formOf({}), {
      headers: { 'x-request-id': 'old-client-1' },
    });

    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('zip of the case');
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/zip',
      'content-length': '15',
      'content-disposition': `attachment; filename="Doe_results.zip"; filename*=UTF-8''Doe_results.zip`,
      'x-request-id': 'old-client-1',
      'x-case-id': 'Doe',
    });
  });

  it('is answered with the mask where one model was asked for', async () => {
    const home = httpHome();
    ends(home, 'SUCCEEDED');

    const answer = await post(home, '/segment/liver', formOf({}, 'ct', 'J. Müller/ct 1.nii.gz'));

    expect(await answer.text()).toBe('liver mask');
    expect(answer.headers.get('content-disposition')).toContain('filename="ct_1_liver.nii.gz"');
    expect(answer.headers.get('content-disposition')).toContain("filename*=UTF-8''ct%201_liver.nii.gz");
  });

  it('keeps its bytes and name in the store, and its options in the job', async () => {
    const home = httpHome();
    ends(home, 'SUCCEEDED');

    await post(home, '/segment/both?fast=true&tta=1', formOf({ folds: '2, 0', fast: 'false' }));

    const request = await readRequest(home.ports.store, await onlyJob(home));
    expect(request).toMatchObject({ fileName: 'Doe_0000.nii.gz', bytes: CT.length });
    expect(request.options).toEqual({ fast: false, folds: [0, 2], tta: true });
    expect(await home.ports.store.get(request.inputKey)).toEqual(new Uint8Array(CT));
    expect(JSON.stringify(home.ports.log.lines)).not.toContain('Doe');
  });

  it.each([
    ['both', true],
    ['batch', true],
    ['task008', true],
    ['liver', false],
    ['totalseg', false],
  ])('has the old default of fast for %s: %s', async (target, fast) => {
    const home = httpHome();
    ends(home, 'FAILED', new HpbError('CT_ALL_AIR', 'All air.', { remedy: 'x' }));

    await post(home, `/segment/${target}`, formOf({}, target === 'batch' ? 'bundle' : 'ct'));

    const { options } = await readRequest(home.ports.store, await onlyJob(home));
    expect(options.fast).toBe(fast);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['/segment/both?web=1', {}],
    ['/segment/liver', { web: 'true' }],
  ])('is answered with the folder of the viewer where %s asks for it', async (path, fields) => {
    const home = httpHome();
    ends(home, 'SUCCEEDED');
    const { executions, store, bundler } = home.ports;
    const start = executions.start.bind(executions);
    executions.start = async (name, input) => {
      await storePackage(store, input.jobId);
      await start(name, input);
    };

    const answer = await post(home, path, formOf(fields));

    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-disposition')).toContain('filename="Doe_web.zip"');
    expect(bundler.bundled[0]!.members.map(({ name }) => name).sort()).toEqual([
      'Doe/Doe_ct_volume.vti',
      'Doe/manifest.json',
      'Doe/metadata.json',
      'Doe/segmentations/Doe_hepatic_vessels.vtp',
      'Doe/segmentations/Doe_liver.vtp',
      'Doe/thumbnail.jpg',
    ]);
  });

  it('is answered with the code of the case when that failed', async () => {
    const home = httpHome();
    ends(home, 'FAILED', new HpbError('CT_ALL_AIR', 'Every voxel is -1000 HU.', { remedy: 'Send a CT.' }));

    const answer = await post(home, '/segment/both', formOf({}));

    expect(answer.status).toBe(422);
    expect(await answerOf<ProblemSeen>(answer)).toMatchObject({
      code: 'CT_ALL_AIR',
      detail: 'Every voxel is -1000 HU.',
      remedy: 'Send a CT.',
    });
  });

  it.each<[string, FormData, string, RegExp]>([
    ['/segment/both', formOf({ web: 'perhaps' }), 'BAD_OPTION', /web/],
    ['/segment/batch?web=1', formOf({}, 'bundle'), 'BAD_OPTION', /one case/],
    ['/segment/both', formOf({ folds: '0 -o /tmp' }), 'BAD_OPTION', /0 -o/],
    ['/segment/both', formOf({ folds: '5' }), 'BAD_OPTION', /folds/],
    ['/segment/both', formOf({ fast: 'perhaps' }), 'BAD_OPTION', /perhaps/],
    ['/segment/both', formOf({ colour: 'red' }), 'BAD_OPTION', /colour/],
    ['/segment/both', formOf({}, 'file'), 'REQUEST_INVALID', /"file".*"ct"/],
    ['/segment/batch', formOf({}), 'REQUEST_INVALID', /"ct".*"bundle"/],
    ['/segment/both', new FormData(), 'REQUEST_INVALID', /./],
    ['/segment/kidney', formOf({}), 'UNKNOWN_MODEL', /kidney/],
  ])('is refused by %s when something is wrong (case %#)', async (path, form, code, sentence) => {
    const home = httpHome();

    const answer = await post(home, path, form);
    const problem = await answerOf<ProblemSeen>(answer);

    expect(answer.status).toBe(422);
    expect(problem.code).toBe(code);
    expect(problem.detail).toMatch(sentence);
    expect(await home.ports.store.list('')).toEqual([]);
    expect(home.ports.executions.started).toEqual([]);
  });

  it('is refused when it is empty, and nothing is kept', async () => {
    const home = httpHome();
    const form = new FormData();
    form.set('ct', new File([], 'a.nii.gz'));

    const answer = await post(home, '/segment/both', form);

    expect(answer.status).toBe(422);
    expect((await answerOf<ProblemSeen>(answer)).detail).toContain('empty');
    expect(await home.ports.store.list('')).toEqual([]);
  });

  it('is refused before it is read when it is too large, and while it comes when nobody said so', async () => {
    const home = httpHome({ limits: { maxUploadBytes: 10 } });
    const large = new FormData();
    large.set('ct', new File([Buffer.alloc(200_000)], 'a.nii.gz'));

    const unannounced = await post(home, '/segment/both', large);
    const announced = await post(home, '/segment/both', formOf({}), {
      headers: { 'content-length': '999999999' },
    });

    expect([unannounced.status, announced.status]).toEqual([413, 413]);
    expect(await home.ports.store.list('')).toEqual([]);
  });

  it('is called too large before the disk is asked', async () => {
    const home = httpHome({ limits: { maxUploadBytes: 10 } });
    Object.assign(home.ports, {
      admission: async () => {
        throw new Error('The disk was asked.');
      },
    });

    const answer = await post(home, '/segment/both', formOf({}), {
      headers: { 'content-length': '999999999' },
    });

    expect(answer.status).toBe(413);
  });

  it('is not taken when the store cannot keep it, and its error comes out', async () => {
    const home = httpHome();
    home.ports.store.putStream = async () => {
      throw new HpbError('DISK_FULL', 'No space is left.', { remedy: 'Free some.' });
    };

    const answer = await post(home, '/segment/both', formOf({}));

    expect(answer.status).toBe(507);
  });

  it('of no type at all is told of both ways to send a CT', async () => {
    const answer = await httpHome().app.request('/segment/both', { method: 'POST', body: new Blob(['x']) });
    const problem = await answerOf<ProblemSeen>(answer);

    expect(answer.status).toBe(415);
    expect(problem.remedy).toMatch(/application\/json.*curl -F ct=@FILE/);
  });

  it('is told, where bodies are not taken, which three calls to make instead', async () => {
    const home = httpHome({ deployment: { loadForms: null } });

    const answer = await post(home, '/segment/both', formOf({}));
    const problem = await answerOf<ProblemSeen>(answer);

    expect(answer.status).toBe(415);
    expect(problem.remedy).toContain('POST /uploads');
    expect(Object.keys(problem.details)).toEqual(['call1', 'call2', 'call3']);
    expect(problem.details['call3']).toContain('/segment/both');
  });
});

describe('a caller who leaves', () => {
  it('has the job cancelled', async () => {
    const home = httpHome();
    const leaving = new AbortController();

    const waiting = post(home, '/segment/both', formOf({}), { signal: leaving.signal });
    await expect.poll(() => home.ports.executions.started.length, { timeout: 10_000 }).toBe(1);
    leaving.abort();
    await waiting;

    const job = await home.ports.index.get(await onlyJob(home));
    expect(job?.state).toBe('CANCELLED');
    expect(home.ports.executions.stopped).toHaveLength(1);
  });
});

describe('the name of a case', () => {
  it.each([
    ['Doe_0000.nii.gz', 'Doe'],
    ['Doe.nii', 'Doe'],
    ['a.b_0000.NII.GZ', 'a.b'],
    ['cases.tar.gz', 'cases'],
    ['cases.tgz', 'cases'],
    ['_0000.nii.gz', 'case'],
    ['', 'case'],
  ])('of %j is %s', (fileName, name) => {
    expect(caseNameOf(fileName)).toBe(name);
  });
});
