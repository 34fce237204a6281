import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { CaseEstimate } from '../../../core/estimate-answer.ts';
import { calibrationKey } from '../../../core/layout.ts';
import { encodeNiftiHeader } from '../../../core/volume/nifti-encode.ts';
import { datatypeOf } from '../../../core/volume/nifti-datatypes.ts';
import { zipOf } from '../../fixtures/bad-archives.ts';
import { answerOf, httpHome, type ProblemSeen, type TestHome } from './http-home.ts';

const grid = { dims: [512, 512, 300], spacingMm: [0.8, 0.8, 1] };
const affine = [-0.8, 0, 0, 0, 0, -0.8, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** The header of a CT of this many slices and the first of its voxels: never a whole file. */
function startOfCt(slices = 300): Buffer {
  const header = encodeNiftiHeader({ dims: [512, 512, slices], affine }, datatypeOf(new Int16Array()));
  return Buffer.concat([header, Buffer.alloc(2 ** 18)]);
}

async function uploaded(
  { call, ports }: TestHome,
  bytes: Buffer,
  fileName = 'Doe^Jane.nii.gz',
): Promise<string> {
  const opened = await call('POST /uploads', { fileName, sizeBytes: bytes.length });
  const { uploadId, put } = await answerOf<{ uploadId: string; put: { url: string } }>(opened);
  await ports.links.send(put, bytes);
  return uploadId;
}

describe('POST /estimate', () => {
  it('is the same for a grid and for uploads of a CT with that grid, packed or not, by their first bytes', async () => {
    const home = httpHome();
    const bodies = [
      { grid },
      { uploadId: await uploaded(home, startOfCt(), 'a.nii') },
      { uploadId: await uploaded(home, gzipSync(startOfCt())) },
    ];

    const answers = await Promise.all(bodies.map((body) => home.call('POST /estimate', body)));
    const estimates = await Promise.all(answers.map((answer) => answerOf<CaseEstimate>(answer)));

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(estimates[0]).toMatchObject({ fits: true, dims: grid.dims, calibrated: false });
    expect(estimates[0]!.models.map(({ model }) => model)).toEqual(['liver', 'task008']);
    for (const { memoryBytes, seconds, problems } of estimates.slice(1)) {
      // The header holds float32, so that the network's grid can be a voxel longer.
      expect(memoryBytes / estimates[0]!.memoryBytes).toBeCloseTo(1, 2);
      expect(seconds / estimates[0]!.seconds).toBeCloseTo(1, 2);
      expect(problems).toEqual([]);
    }
  });

  it('goes by the runs that were counted in this home, when it can read them', async () => {
    const { call, ports } = httpHome();
    const estimate = async (): Promise<CaseEstimate> =>
      answerOf(await call('POST /estimate', { grid, model: 'task008' }));
    const figures = { runs: 3, seconds: { base: 500, slope: 1 }, medianError: 0.1, cardBytes: null };
    const found = { schemaVersion: 1, device: 'Tesla T4', runs: 3, models: { task008: figures } };

    await ports.store.put(calibrationKey(), JSON.stringify(found));
    const after = await estimate();
    await ports.store.put(calibrationKey(), '{"schemaVersion":2}');

    expect(after).toMatchObject({ calibrated: true, calibration: { runs: 3, device: 'Tesla T4' } });
    expect(after.seconds).toBeGreaterThan(500);
    expect(await estimate()).toMatchObject({ calibrated: false, calibration: null });
  });

  it('refuses what the machines of this home cannot take, with what would make it fit', async () => {
    const { call } = httpHome({ limits: { memoryBytes: 12e9 } });

    const answer = await call('POST /estimate', {
      grid: { ...grid, dims: [512, 512, 900] },
      model: 'task008',
    });
    const { fits, problems, ways, limitBytes } = await answerOf<CaseEstimate>(answer);

    expect(answer.status).toBe(200);
    expect({ fits, limitBytes }).toEqual({ fits: false, limitBytes: 12e9 });
    expect(problems[0]).toMatchObject({ code: 'CT_EXCEEDS_MEMORY', details: { present: 12e9 } });
    expect(ways[0]!.changes).toEqual(['crop']);
  });

  it('tells what else the header of an upload says against it', async () => {
    const home = httpHome();

    const answer = await home.call('POST /estimate', { uploadId: await uploaded(home, startOfCt(4)) });
    const { fits, problems } = await answerOf<CaseEstimate>(answer);

    expect(fits).toBe(false);
    expect(problems.map(({ code }) => code)).toEqual(['CT_TOO_FEW_SLICES']);
  });

  it.each([
    ['neither', {}, 422, 'BAD_OPTION'],
    ['both', { grid, uploadId: 'u-000000000001' }, 422, 'BAD_OPTION'],
    ['an unknown upload', { uploadId: 'u-unknown12' }, 404, 'UPLOAD_NOT_FOUND'],
    ['a flat grid', { grid: { ...grid, dims: [512, 512] } }, 422, 'REQUEST_INVALID'],
    ['no voxels', { grid: { ...grid, dims: [512, 512, 0] } }, 422, 'REQUEST_INVALID'],
    ['no spacing', { grid: { ...grid, spacingMm: [1, 1, 0] } }, 422, 'REQUEST_INVALID'],
    ['another model', { grid, model: 'kidney' }, 422, 'REQUEST_INVALID'],
  ])('refuses %s', async (_, body, status, code) => {
    const answer = await httpHome().call('POST /estimate', body);

    expect(answer.status).toBe(status);
    expect(await answerOf<ProblemSeen>(answer)).toMatchObject({ code });
  });

  it.each([
    ['an archive', zipOf([{ name: 'a.nii', content: startOfCt() }]), 415, 'INPUT_IS_ARCHIVE'],
    ['text', Buffer.from('Dear colleague, '.repeat(50)), 415, 'NIFTI_NOT_NIFTI'],
    ['a header cut short', startOfCt().subarray(0, 200), 422, 'NIFTI_SHORT_HEADER'],
    [
      'damaged gzip',
      Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(500, 0xff)]),
      422,
      'NIFTI_BAD_GZIP',
    ],
  ])('refuses an upload that is %s', async (_, bytes, status, code) => {
    const home = httpHome();

    const answer = await home.call('POST /estimate', { uploadId: await uploaded(home, Buffer.from(bytes)) });

    expect(answer.status).toBe(status);
    expect(await answerOf<ProblemSeen>(answer)).toMatchObject({ code });
  });
});
