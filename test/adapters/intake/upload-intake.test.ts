import { gzipSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { HpbError } from '../../../core/errors.ts';
import {
  PACKED_CT,
  PLAIN_CT,
  rawTarPart,
  TAR_END,
  tarGzOf,
  tarOf,
  zipOf,
  type TarPart,
} from '../../fixtures/bad-archives.ts';
import { GOOD_GRID, goodNifti, nifti2 } from '../../fixtures/bad-nifti.ts';
import { intakeBench, keyOf, outcomes, sha256Of } from '../../fixtures/intake.ts';

const THREE: readonly TarPart[] = [
  { name: 'case10/raw.nii.gz', content: PACKED_CT },
  { name: 'case2/raw.nii', content: PLAIN_CT },
  { name: 'case3/raw_0000.nii.gz', content: PACKED_CT.subarray(0, 300) },
  { name: 'readme.txt', content: Buffer.from('hello') },
];

describe('a single CT', () => {
  it.each([
    ['.nii.gz', PACKED_CT],
    ['.nii', PLAIN_CT],
    ['NIfTI-2', nifti2()],
  ])('is stored as it came, hashed and checked: %s', async (_, ct) => {
    const bench = intakeBench();

    const report = await bench.take(ct, { batch: false, fileName: 'Liver CT_0000.nii.gz' });

    expect(report).toMatchObject({ kind: 'ct', sha256: sha256Of(ct), bytes: ct.length, ignoredCount: 0 });
    expect(report.cases).toMatchObject([
      {
        caseId: 'c0001',
        name: 'Liver CT',
        key: keyOf(1),
        bytes: ct.length,
        sha256: sha256Of(ct),
        error: null,
      },
    ]);
    expect(report.cases[0]!.grid!.dims).toEqual(GOOD_GRID.dims);
    expect(await bench.stored()).toEqual({ [keyOf(1)]: sha256Of(ct) });
    expect(bench.leftovers()).toEqual([]);
  });

  it.each([
    ['cut', PACKED_CT.subarray(0, 300), 'NIFTI_TRUNCATED'],
    ['text', Buffer.from('hello'), 'NIFTI_NOT_NIFTI'],
    ['empty', Buffer.alloc(0), 'NIFTI_SHORT_HEADER'],
    ['DICOM', Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), Buffer.alloc(600)]), 'INPUT_IS_DICOM'],
    ['all air', goodNifti(new Int16Array(16 * 12 * 12).fill(-1000)), 'CT_ALL_AIR'],
  ])('that is not fit has its reason and is not stored: %s', async (_, ct, code) => {
    const bench = intakeBench();

    const report = await bench.take(ct, { batch: false, fileName: 'x.nii.gz' });

    expect(report.cases).toMatchObject([{ name: 'x', key: null, error: { code } }]);
    expect(report.sha256).toBe(sha256Of(ct));
    expect([await bench.stored(), bench.leftovers()]).toEqual([{}, []]);
  });

  it('is refused for its size only when the memory of the machine is known', async () => {
    const small = intakeBench({ memoryBytes: 1000 });

    const report = await small.take(PACKED_CT, { batch: false });

    expect(report.cases[0]!.error!.code).toBe('CT_EXCEEDS_MEMORY');
  });

  it('is not looked for in an archive, nor an archive in a CT', async () => {
    const bench = intakeBench();

    await expect(bench.take(await tarGzOf(THREE), { batch: false })).rejects.toMatchObject({
      code: 'INPUT_IS_ARCHIVE',
    });
    await expect(bench.take(PACKED_CT)).rejects.toMatchObject({
      code: 'ARCHIVE_UNREADABLE',
      message: 'The upload is a single CT, not an archive of cases.',
    });
  });

  it('that was never uploaded is not found', async () => {
    const missing = intakeBench().take(PACKED_CT, { inputKey: 'uploads/u-2/input' });

    await expect(missing).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
  });
});

describe('an archive', () => {
  it.each([
    ['zip, stored', async () => zipOf(THREE)],
    ['zip, deflated', async () => zipOf(THREE.map((part) => ({ ...part, deflate: true })))],
    ['tar', () => tarOf(THREE)],
    ['tar.gz', () => tarGzOf(THREE)],
    ['tar.gz of several gzip members', async () => inMembers(await tarOf(THREE))],
    [
      'tar without magic (v7)',
      async () => Buffer.concat([...THREE.map(({ name, content }) => v7Part(name, content!)), TAR_END]),
    ],
    ['tar with a wrapper folder and its folders', () => tarOf(wrapped(THREE))],
    [
      'two tars joined',
      async () => Buffer.concat([await tarOf(THREE.slice(0, 1)), await tarOf(THREE.slice(1))]),
    ],
  ])('gives its cases, and the bad ones with their reasons: %s', async (_, make) => {
    const bench = intakeBench();
    const bytes = await make();

    const report = await bench.take(bytes);

    expect(report).toMatchObject({ kind: 'archive', sha256: sha256Of(bytes), bytes: bytes.length });
    expect(report.cases.map(({ caseId }) => caseId)).toEqual(['c0001', 'c0002', 'c0003']);
    expect(outcomes(report)).toEqual(['case2', 'case3 ! NIFTI_TRUNCATED', 'case10']);
    expect(report.cases.map(({ key, bytes: size }) => [key, size])).toEqual([
      [keyOf(1), PLAIN_CT.length],
      [null, 300],
      [keyOf(3), PACKED_CT.length],
    ]);
    expect(report.cases.map(({ sha256 }) => sha256)).toMatchObject({
      0: sha256Of(PLAIN_CT),
      2: sha256Of(PACKED_CT),
    });
    expect(report.ignoredCount).toBe(1);
    expect(await bench.stored()).toEqual({ [keyOf(1)]: sha256Of(PLAIN_CT), [keyOf(3)]: sha256Of(PACKED_CT) });
    expect(bench.leftovers()).toEqual([]);
  });

  it('is told by its content, whatever it is called', async () => {
    const report = await intakeBench().take(zipOf(THREE), { fileName: 'cases.tar.gz' });

    expect(report.cases).toHaveLength(3);
  });

  it.each([
    ['7z', Buffer.concat([Buffer.from('377abcaf271c', 'hex'), Buffer.alloc(600)]), 'is a 7z archive'],
    ['text', Buffer.from('these are not the bytes you look for'), 'is a text'],
    ['nothing known', Buffer.alloc(5000, 1), 'neither .zip nor .tar nor .tar.gz'],
    ['gzip of nothing known', gzipSync(Buffer.alloc(5000, 1)), 'neither .zip nor .tar nor .tar.gz'],
    ['empty', Buffer.alloc(0), 'is empty'],
  ])('that is none is refused by name: %s', async (_, bytes, sentence) => {
    const taking = intakeBench().take(bytes, { fileName: 'cases.bin' });

    await expect(taking).rejects.toMatchObject({
      code: 'ARCHIVE_UNREADABLE',
      message: expect.stringContaining(sentence),
    });
  });

  it.each([
    ['zip', async () => zipOf([])],
    ['tar', async () => TAR_END],
    ['tar.gz', async () => gzipSync(TAR_END)],
    ['junk only', () => tarOf([{ name: 'a.txt' }, { name: 'b/', type: 'directory' }])],
  ])('without a case is refused: %s', async (_, make) => {
    await expect(intakeBench().take(await make())).rejects.toMatchObject({ code: 'ARCHIVE_NO_CASES' });
  });

  it('with more cases than allowed is refused before any is stored', async () => {
    const bench = intakeBench();

    await expect(bench.take(await tarGzOf(THREE), { maxCases: 2 })).rejects.toMatchObject({
      code: 'ARCHIVE_TOO_MANY_CASES',
    });
    expect(await bench.stored()).toEqual({});
  });

  it('taken twice is the same, and writes the same', async () => {
    const bench = intakeBench();
    const bytes = await tarGzOf(THREE);

    const first = [await bench.take(bytes), await bench.stored()];
    const second = [await bench.take(bytes), await bench.stored()];

    expect(second).toEqual(first);
  });

  it.each([
    ['zip', async () => zipOf(THREE.map((part) => ({ ...part, deflate: true })))],
    ['tar', () => tarOf(THREE)],
    ['tar.gz', () => tarGzOf(THREE)],
  ])('ends with the error of the store, at whatever read that comes: %s', async (_, make) => {
    const bench = intakeBench();
    const bytes = await make();
    const stream = bench.store.stream.bind(bench.store);
    let reads = 0;
    let failing = Infinity;
    bench.store.stream = async (key, range) => {
      reads += 1;
      return reads === failing ? breaking(await stream(key, range)) : stream(key, range);
    };
    await bench.take(bytes);
    const all = reads;
    await bench.store.removeAll('jobs/');

    for (failing = 1; failing <= all; failing += 1) {
      reads = 0;
      await expect(bench.take(bytes)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    }

    expect(all).toBeGreaterThan(2);
    expect(bench.leftovers()).toEqual([]);
  });
});

/** Half of the first chunk, then a line that is cut. */
async function* breaking(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk.subarray(0, chunk.length / 2);
    throw new HpbError('STORE_UNAVAILABLE', 'The line is cut.', { remedy: 'Wait.' });
  }
}

/** The same tar as two gzip members. */
function inMembers(tar: Buffer): Buffer {
  return Buffer.concat([gzipSync(tar.subarray(0, 1000)), gzipSync(tar.subarray(1000))]);
}

function wrapped(parts: readonly TarPart[]): TarPart[] {
  const folders = ['./', './batch/', './batch/case2/'];
  return [
    ...folders.map((name) => ({ name, type: 'directory' as const })),
    ...parts.map((part) => ({ ...part, name: `./batch/${part.name}` })),
  ];
}

function v7Part(name: string, content: Uint8Array): Buffer {
  const part = rawTarPart(Buffer.from(name), content);
  part.fill(0, 257, 265);
  part.write('        ', 148, 'latin1');
  const sum = part.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  part.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return part;
}

describe('an intake that is stopped', () => {
  it.each([
    ['tar.gz', tarGzOf],
    ['zip', zipOf],
  ])('stores no further case of a %s, and leaves nothing in its scratch', async (_, packed) => {
    const bench = intakeBench();
    const stop = new AbortController();
    const put = bench.store.put.bind(bench.store);
    bench.store.put = (key, ...given) => {
      if (key === keyOf(1)) stop.abort();
      return put(key, ...given);
    };
    const parts = [1, 2, 3, 4].map((one) => ({ name: `case${one}/raw.nii.gz`, content: PACKED_CT }));

    await expect(bench.take(await packed(parts), {}, stop.signal)).rejects.toMatchObject({
      code: 'CANCELLED',
    });

    expect(Object.keys(await bench.stored())).toEqual([keyOf(1)]);
    expect(bench.leftovers()).toEqual([]);
  });

  it.each([3, 30])(
    'by a store that fails at the third of %i cases has ended with its error',
    async (cases) => {
      const bench = intakeBench();
      const put = bench.store.put.bind(bench.store);
      let storing = 0;
      bench.store.put = async (key, ...given) => {
        storing += 1;
        try {
          await sleep(5);
          if (key === keyOf(3)) throw new Error('no room');
          return await put(key, ...given);
        } finally {
          storing -= 1;
        }
      };
      const parts = Array.from({ length: cases }, (_, at) => ({
        name: `case${String(at).padStart(2, '0')}/raw.nii.gz`,
        content: PACKED_CT,
      }));

      await expect(bench.take(await tarGzOf(parts))).rejects.toThrow('no room');

      expect(storing).toBe(0);
      expect(bench.leftovers()).toEqual([]);
    },
  );

  it('stores no CT', async () => {
    const bench = intakeBench();

    const taking = bench.take(PACKED_CT, { batch: false, fileName: 'x.nii.gz' }, AbortSignal.abort());

    await expect(taking).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await bench.stored()).toEqual({});
  });
});
