import { describe, expect, it } from 'vitest';
import {
  caseInputKey,
  uploadDocumentKey,
  uploadInputKey,
  uploadUseKey,
  type UploadId,
} from '../../../core/layout.ts';
import { PACKED_CT, PLAIN_CT, zipOf } from '../../fixtures/bad-archives.ts';
import { intakeBench, JOB, outcomes, sha256Of, type IntakeBench } from '../../fixtures/intake.ts';

const uploadId = (at: number): UploadId => `u-case-${String(at).padStart(4, '0')}` as UploadId;

async function uploaded(
  { store }: IntakeBench,
  at: number,
  bytes: Uint8Array,
  sha256: string | null = null,
): Promise<void> {
  const document = {
    layoutVersion: 1,
    uploadId: uploadId(at),
    fileName: 'ct.nii.gz',
    sizeBytes: bytes.length,
    sha256,
    createdAt: 0,
    multipart: null,
  };
  await store.put(uploadDocumentKey(uploadId(at)), JSON.stringify(document));
  await store.put(uploadInputKey(uploadId(at)), bytes);
}

const manifest = (...names: readonly string[]): Buffer =>
  Buffer.from(JSON.stringify({ cases: names.map((name, at) => ({ uploadId: uploadId(at), name })) }));

describe('a manifest of uploads', () => {
  it('gives its cases in its order, each where it was uploaded and marked as used', async () => {
    const bench = intakeBench();
    await uploaded(bench, 0, PACKED_CT, sha256Of(PACKED_CT));
    await uploaded(bench, 1, PLAIN_CT);
    const bytes = manifest('z', 'a');

    const report = await bench.take(bytes);

    expect(report).toMatchObject({ kind: 'archive', sha256: sha256Of(bytes), bytes: bytes.length });
    expect(report.cases.map(({ caseId, name, key, bytes }) => [caseId, name, key, bytes])).toEqual([
      ['c0001', 'z', uploadInputKey(uploadId(0)), PACKED_CT.length],
      ['c0002', 'a', uploadInputKey(uploadId(1)), PLAIN_CT.length],
    ]);
    expect(report.cases[0]!.grid!.dims).toEqual([16, 12, 12]);
    for (const at of [0, 1]) expect(await bench.store.head(uploadUseKey(uploadId(at), JOB))).not.toBeNull();
    expect(await bench.stored()).toEqual({});
    expect(await bench.store.head(caseInputKey(JOB, report.cases[0]!.caseId))).toBeNull();
  });

  it('reads no CT to its end, but hands a promised checksum on to whoever does', async () => {
    const bench = intakeBench();
    await uploaded(bench, 0, PLAIN_CT, sha256Of(PACKED_CT));
    const stream = bench.store.stream.bind(bench.store);
    const whole: string[] = [];
    bench.store.stream = async (key, range) => {
      if (range?.end === undefined && key === uploadInputKey(uploadId(0))) whole.push(key);
      return stream(key, range);
    };

    const report = await bench.take(manifest('other'));

    expect(report.cases).toMatchObject([{ sha256: sha256Of(PACKED_CT), error: null }]);
    expect(whole).toEqual([]);
  });

  it('makes what is wrong with one upload an error of that case', async () => {
    const bench = intakeBench();
    await uploaded(bench, 0, PACKED_CT);
    await uploaded(bench, 1, Buffer.from('not a CT'));
    await uploaded(bench, 3, zipOf([{ name: 'a.nii', content: PLAIN_CT }]));
    await uploaded(bench, 4, PLAIN_CT);
    await bench.store.remove(uploadInputKey(uploadId(4)));
    await uploaded(bench, 6, PLAIN_CT);
    await uploaded(bench, 7, PLAIN_CT);

    const report = await bench.take(
      manifest('ok', 'text', 'never', 'zip', 'open', 'missing', 'twin', 'TWIN'),
    );

    expect(outcomes(report)).toEqual([
      'ok',
      'text ! NIFTI_NOT_NIFTI',
      'never ! UPLOAD_NOT_FOUND',
      'zip ! INPUT_IS_ARCHIVE',
      'open ! UPLOAD_INCOMPLETE',
      'missing ! UPLOAD_NOT_FOUND',
      'twin ! INPUT_DUPLICATE_NAME',
      'TWIN ! INPUT_DUPLICATE_NAME',
    ]);
  });

  it.each([
    ['no JSON', '{"cases": [', 'ARCHIVE_UNREADABLE'],
    ['something else', '{"files": []}', 'ARCHIVE_UNREADABLE'],
    ['no case', '{"cases": []}', 'ARCHIVE_UNREADABLE'],
    ['a path for an id', '{"cases": [{"uploadId": "../jobs", "name": "x"}]}', 'ARCHIVE_UNREADABLE'],
    [
      'an upload twice',
      JSON.stringify({ cases: [0, 0].map((at) => ({ uploadId: uploadId(at), name: `${at}` })) }),
      'ARCHIVE_UNREADABLE',
    ],
    [
      'too many cases',
      manifest(...Array.from({ length: 101 }, (_, at) => String(at))).toString(),
      'ARCHIVE_TOO_MANY_CASES',
    ],
  ])('is refused as a whole when it holds %s', async (_, text, code) => {
    await expect(intakeBench().take(Buffer.from(text))).rejects.toMatchObject({ code });
  });

  it('is no single CT', async () => {
    const report = await intakeBench().take(manifest('a'), { batch: false });

    expect(outcomes(report)).toEqual(['upload ! NIFTI_NOT_NIFTI']);
  });
});
