import { execFile } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { appendFileSync, rmSync, truncateSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peekNifti, readNifti, writeNifti } from '../../adapters/nifti-file.ts';
import { HpbError } from '../../core/errors.ts';
import type { LabelMap } from '../../core/volume/volume.ts';
import {
  BAD_HEADERS,
  badFiles,
  GOOD_GRID,
  goodFiles,
  goodNifti,
  goodVoxels,
  patched,
  zeroBomb,
} from '../fixtures/bad-nifti.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hpb-nifti-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

let counter = 0;
async function onDisk(bytes: Uint8Array): Promise<string> {
  const path = join(folder, `input-${counter++}`);
  await writeFile(path, bytes);
  return path;
}

async function errorOf(work: Promise<unknown>): Promise<HpbError> {
  const thrown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(thrown instanceof HpbError)) throw thrown ?? new Error('nothing was thrown');
  return thrown;
}

/** A signal that is never aborted; the reader looks at it before each chunk, and then `act` happens. */
function beforeChunks(act: () => void): AbortSignal {
  const aborted = (): boolean => {
    act();
    return false;
  };
  return Object.defineProperty(new AbortController().signal, 'aborted', { get: aborted });
}

describe('an unusual but right file', () => {
  test.each(Object.entries(goodFiles()))('%s is read with all its voxels', async (_, bytes) => {
    const file = await readNifti(await onDisk(bytes));

    expect(file.data).toEqual(goodVoxels());
    expect(file.grid.dims).toEqual(GOOD_GRID.dims);
    file.grid.affine.forEach((value, i) => expect(value).toBeCloseTo(GOOD_GRID.affine[i]!, 4));
    expect([file.slope, file.intercept]).toEqual([1, 0]);
    expect(file.fileBytes).toBe(bytes.length);
    expect(file.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  test.each(Object.entries(goodFiles()))('%s can be peeked at', async (_, bytes) => {
    const header = await peekNifti(await onDisk(bytes));

    expect(header.grid.dims).toEqual(GOOD_GRID.dims);
  });

  test('larger than a chunk, with voxels far from the header, is read', async () => {
    const dims = [200, 150, 100] as const;
    const data = Int16Array.from({ length: 3e6 }, (_, i) => (i * 7919) % 4001);
    const path = join(folder, 'large.nii');
    await writeNifti(path, { grid: { dims, affine: GOOD_GRID.affine }, data, slope: 1, intercept: 0 });
    const plain = await readFile(path);
    const moved = Buffer.concat([
      patched((f) => f.writeFloatLE(3e6, 108), plain.subarray(0, 352)),
      Buffer.alloc(3e6 - 352),
      plain.subarray(352),
    ]);

    for (const bytes of [plain, moved, gzipSync(plain), gzipSync(moved)])
      expect(
        Buffer.from((await readNifti(await onDisk(bytes))).data.buffer).equals(Buffer.from(data.buffer)),
      ).toBe(true);
  });
});

describe('a bad file', () => {
  test.each(Object.entries(badFiles()))('%s is refused', async (_, [code, bytes]) => {
    const error = await errorOf(readNifti(await onDisk(bytes)));

    expect(error.code).toBe(code);
    expect(error.remedy.length).toBeGreaterThan(10);
  });

  test.each(Object.entries(BAD_HEADERS))(
    'with a bad header (%s) is refused, compressed or not',
    async (_, [code, change]) => {
      const plain = await onDisk(patched(change));
      const packed = await onDisk(gzipSync(patched(change)));

      expect((await errorOf(readNifti(plain))).code).toBe(code);
      expect((await errorOf(readNifti(packed))).code).toBe(code);
      expect((await errorOf(peekNifti(packed))).code).toBe(code);
    },
  );

  test('with any one byte of its compressed voxels flipped is never read as something else', async () => {
    const packed = gzipSync(goodNifti());
    for (let at = 10; at < packed.length; at += 13) {
      const path = await onDisk(patched((f) => f.writeUInt8(f[at]! ^ 0x10, at), packed));
      const outcome = await readNifti(path).then(
        ({ data }) => data,
        (error: unknown) => (error instanceof HpbError ? error.code : error),
      );

      if (typeof outcome === 'string') expect(outcome).toMatch(/^(NIFTI|INPUT)_/);
      else expect(outcome).toEqual(goodVoxels());
    }
  });

  test('of 3 MB that inflates to 3 GB is given up at once', async () => {
    const path = await onDisk(zeroBomb(goodNifti(), 3072));
    const before = process.memoryUsage().rss;
    let chunks = 0;

    const error = await errorOf(readNifti(path, { signal: beforeChunks(() => void chunks++) }));

    expect(error.code).toBe('NIFTI_TRAILING_DATA');
    expect(chunks).toBeLessThanOrEqual(2);
    // Far below 3 GB; other tests of this worker may have garbage collected late.
    expect(process.memoryUsage().rss - before).toBeLessThan(500e6);
  });

  test('of 3 GB of zeros is no NIfTI and given up at once', async () => {
    expect((await errorOf(readNifti(await onDisk(zeroBomb(Buffer.alloc(0), 3072))))).code).toBe(
      'NIFTI_NOT_NIFTI',
    );
  });
});

describe('what is no readable file', () => {
  test('a folder', async () => {
    const error = await errorOf(readNifti(folder));

    expect(error.code).toBe('INPUT_IS_FOLDER');
    expect(error.remedy).toContain('dcm2niix');
  });

  test('nothing', async () => {
    expect((await errorOf(readNifti(join(folder, 'missing.nii.gz')))).code).toBe('INPUT_NOT_FOUND');
    expect((await errorOf(peekNifti(join(folder, 'a', 'b.nii')))).code).toBe('INPUT_NOT_FOUND');
  });

  test('a pipe, without waiting for its writer', async () => {
    const pipe = join(folder, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);

    expect((await errorOf(readNifti(pipe))).code).toBe('INPUT_UNREADABLE');
  });

  test('a file without permission', async (context) => {
    if (process.getuid?.() === 0) context.skip('root may read any file');
    const path = await onDisk(goodNifti());
    await chmod(path, 0);

    expect((await errorOf(readNifti(path))).code).toBe('INPUT_UNREADABLE');
  });

  test('never repeats the path, which may name a patient', async () => {
    const error = await errorOf(readNifti(join(folder, 'DOE_JANE.nii.gz')));

    expect(JSON.stringify(error.toDocument())).not.toContain('DOE');
  });
});

describe('a file that changes while it is read has vanished', () => {
  /** Noise of 8 MB: many chunks, compressed or not. */
  async function slow(name: string): Promise<string> {
    const path = join(folder, name);
    const data = randomFillSync(new Int16Array(4e6));
    const grid = { dims: [200, 100, 200] as const, affine: GOOD_GRID.affine };
    await writeNifti(path, { grid, data, slope: 1, intercept: 0 });
    return path;
  }

  function atThirdChunk(act: () => void): AbortSignal {
    let chunks = 0;
    return beforeChunks(() => {
      if (++chunks === 3) act();
    });
  }

  test.each(['noise.nii', 'noise.nii.gz'])('%s: shrinks', async (name) => {
    const path = await slow(name);

    const error = await errorOf(readNifti(path, { signal: atThirdChunk(() => truncateSync(path, 3e6)) }));

    expect(error.code).toBe('INPUT_VANISHED');
  });

  test.each(['noise.nii', 'noise.nii.gz'])('%s: is removed', async (name) => {
    const path = await slow(name);

    const error = await errorOf(readNifti(path, { signal: atThirdChunk(() => rmSync(path)) }));

    expect(error.code).toBe('INPUT_VANISHED');
    expect(error.message).toContain('removed');
  });

  test.each(['noise.nii', 'noise.nii.gz'])('%s: grows', async (name) => {
    const path = await slow(name);

    const error = await errorOf(
      readNifti(path, { signal: atThirdChunk(() => appendFileSync(path, 'more')) }),
    );

    expect(error.code).toBe('INPUT_VANISHED');
  });

  test('ends when the caller gives up', async () => {
    const path = await slow('cancelled.nii.gz');

    expect((await errorOf(readNifti(path, { signal: AbortSignal.abort() }))).code).toBe('CANCELLED');
  });
});

describe('writing', () => {
  const labels: LabelMap = { grid: GOOD_GRID, data: Uint8Array.from(goodVoxels(), (v) => (v > 0 ? 1 : 0)) };

  test('the same volume twice gives the same bytes, and nothing else in the folder', async () => {
    const own = join(folder, 'own');
    await mkdir(own);
    await writeNifti(join(own, 'a.nii.gz'), labels);
    await writeNifti(join(own, 'b.nii.gz'), labels);

    expect(await readdir(own)).toEqual(['a.nii.gz', 'b.nii.gz']);
    expect((await readFile(join(own, 'a.nii.gz'))).equals(await readFile(join(own, 'b.nii.gz')))).toBe(true);
  });

  test('replaces a file only when the new one is whole', async () => {
    const path = join(folder, 'kept.nii.gz');
    await writeNifti(path, labels);
    const before = await readFile(path);
    const broken = {
      grid: { dims: [40000, 1, 1], affine: GOOD_GRID.affine },
      data: new Uint8Array(40000),
    } as const;

    expect((await errorOf(writeNifti(path, broken))).code).toBe('NIFTI_TOO_LARGE');
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  test('into a folder that is not there, or through a file, is refused', async () => {
    const file = await onDisk(goodNifti());

    expect((await errorOf(writeNifti(join(folder, 'no', 'a.nii.gz'), labels))).code).toBe(
      'OUTPUT_UNWRITABLE',
    );
    expect((await errorOf(writeNifti(join(file, 'a.nii.gz'), labels))).code).toBe('OUTPUT_UNWRITABLE');
  });

  test('keeps scaling, and every text field of the header is empty', async () => {
    const path = join(folder, 'scaled.nii.gz');
    await writeNifti(path, { grid: GOOD_GRID, data: goodVoxels(), slope: 2, intercept: -1024 });
    const header = gunzipSync(await readFile(path));

    expect(await readNifti(path)).toMatchObject({ slope: 2, intercept: -1024, data: goodVoxels() });
    expect(header.subarray(4, 38).every((byte) => byte === 0)).toBe(true);
    expect(header.subarray(148, 252).every((byte) => byte === 0)).toBe(true);
    expect(header.subarray(328, 344).every((byte) => byte === 0)).toBe(true);
  });
});
