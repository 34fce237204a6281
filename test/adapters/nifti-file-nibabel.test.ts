import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readNifti, writeNifti } from '../../adapters/nifti-file.ts';
import { NIFTI_DATATYPES } from '../../core/volume/nifti-datatypes.ts';
import { allAxisCodes, reorient } from '../../core/volume/orientation.ts';
import type { Affine, Volume, VoxelArray } from '../../core/volume/volume.ts';
import { GOOD_GRID, goodFiles, goodVoxels } from '../fixtures/bad-nifti.ts';

const PYTHON = join(import.meta.dirname, '../../.venv/bin/python');
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hpb-nibabel-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('nibabel', () => {
  const SCRIPT = `
import json, sys, numpy as np, nibabel as nib
answer = {}
for path in sys.argv[1:]:
    image = nib.load(path)
    stored = np.asarray(image.dataobj.get_unscaled())
    answer[path] = {
        "dtype": stored.dtype.newbyteorder("=").name, "dims": list(image.shape), "affine": image.affine.ravel().tolist(),
        "axes": "".join(nib.aff2axcodes(image.affine)),
        "qform": int(image.header["qform_code"]), "sform": int(image.header["sform_code"]),
        "values": np.asarray(image.dataobj, np.float64).ravel(order="F").tolist(),
    }
print(json.dumps(answer))
`;

  interface Answer {
    readonly dtype: string;
    readonly dims: readonly number[];
    readonly affine: readonly number[];
    readonly axes: string;
    readonly qform: number;
    readonly sform: number;
    readonly values: readonly number[];
  }

  const arrays: readonly VoxelArray[] = [
    ...[Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array].map((type) =>
      type.from(goodVoxels()),
    ),
    Float32Array.from(goodVoxels(), (v) => v + 0.25),
    Float64Array.from(goodVoxels(), (v) => v + 0.25),
  ];
  const c = Math.cos(0.3);
  const s = Math.sin(0.3);
  const oblique: Affine = [0.7 * c, 0, 1.5 * s, -3, 0, -0.7, 0, 4, 0.7 * s, 0, -1.5 * c, 5, 0, 0, 0, 1];
  const volume = (data: VoxelArray): Volume => ({ grid: GOOD_GRID, data, slope: 1, intercept: 0 });
  const cases: readonly (readonly [name: string, volume: Volume])[] = [
    ...arrays.map((data) => [`type-${data.constructor.name}.nii.gz`, volume(data)] as const),
    ['plain.nii', volume(goodVoxels())],
    ['scaled.nii.gz', { ...volume(goodVoxels()), slope: 2, intercept: -1024 }],
    ['oblique.nii.gz', { ...volume(goodVoxels()), grid: { ...GOOD_GRID, affine: oblique } }],
    ...allAxisCodes().map(
      (codes) => [`axes-${codes}.nii.gz`, reorient(volume(goodVoxels()), codes)] as const,
    ),
  ];
  let ofNibabel: Record<string, Answer> = {};

  beforeAll(async () => {
    for (const [name, volume] of cases) await writeNifti(join(folder, name), volume);
    for (const [name, bytes] of Object.entries(goodFiles())) {
      if (!name.includes('extension')) await writeFile(join(folder, readName(name, bytes)), bytes);
    }
    const paths = [...cases.map(([name]) => name), ...readCases().map(([name]) => name)].map((name) =>
      join(folder, name),
    );
    const { stdout } = await promisify(execFile)(PYTHON, ['-c', SCRIPT, ...paths], { maxBuffer: 2 ** 27 });
    ofNibabel = JSON.parse(stdout) as Record<string, Answer>;
  });

  const readName = (name: string, bytes: Buffer): string =>
    `read-${name.replaceAll(/\W/g, '-')}${bytes[0] === 0x1f ? '.nii.gz' : '.nii'}`;
  const readCases = (): (readonly [string, Buffer])[] =>
    Object.entries(goodFiles())
      .filter(([name]) => !name.includes('extension'))
      .map(([name, bytes]) => [readName(name, bytes), bytes] as const);

  test.each(cases)(
    'reads what we wrote as %s: same type, values, affine and axes',
    (name, { grid, data, slope, intercept }) => {
      const answer = ofNibabel[join(folder, name)]!;

      expect(answer.dtype).toBe(
        NIFTI_DATATYPES.find((type) => data.constructor.name.toLowerCase() === `${type.name}array`)!.name,
      );
      expect(answer.dims).toEqual(grid.dims);
      expect(answer.values).toEqual(Array.from(data, (value) => value * slope + intercept));
      answer.affine.forEach((value, i) => expect(value).toBeCloseTo(grid.affine[i]!, 5));
      expect([answer.qform, answer.sform]).toEqual([1, 1]);
      if (name.startsWith('axes-')) expect(answer.axes).toBe(name.slice(5, 8));
    },
  );

  test.each(readCases())('reads %s as we do', async (name) => {
    const answer = ofNibabel[join(folder, name)]!;
    const ours = await readNifti(join(folder, name));

    expect(answer.values).toEqual([...ours.data]);
    answer.affine.forEach((value, i) => expect(value).toBeCloseTo(ours.grid.affine[i]!, 5));
  });
});
