import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { components, type Connectivity } from '../../../core/volume/components.ts';
import type { Dims, LabelMap } from '../../../core/volume/volume.ts';
import { pythonJson } from '../../fixtures/engine-python.ts';

const IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

const labelMap = (dims: Dims, data: Uint8Array): LabelMap => ({ grid: { dims, affine: IDENTITY }, data });

/** A map from text: slices of rows of digits. */
function drawn(slices: readonly (readonly string[])[]): LabelMap {
  const dims: Dims = [slices[0]![0]!.length, slices[0]!.length, slices.length];
  return labelMap(dims, Uint8Array.from(slices.flat().join('').replaceAll('.', '0'), Number));
}

const sizes = (mask: LabelMap, connectivity: Connectivity): Record<number, number[]> =>
  Object.fromEntries([...components(mask, connectivity)].map(([label, facts]) => [label, [...facts.sizes]]));

/** Flood fill voxel by voxel, on a copy with a border of zeros: slow and obviously right. */
function flooded({ grid, data }: LabelMap, connectivity: Connectivity): Record<number, number[]> {
  const [nx, ny, nz] = grid.dims;
  const strides = [1, nx + 2, (nx + 2) * (ny + 2)] as const;
  const open = new Uint8Array(strides[2] * (nz + 2));
  const place = (x: number, y: number, z: number): number =>
    x + 1 + strides[1] * (y + 1) + strides[2] * (z + 1);
  data.forEach((label, p) => {
    open[place(p % nx, Math.floor(p / nx) % ny, Math.floor(p / (nx * ny)))] = label;
  });
  const steps = [-1, 0, 1].flatMap((z) =>
    [-1, 0, 1].flatMap((y) => [-1, 0, 1].map((x) => [x, y, z] as const)),
  );
  const near = steps
    .filter(([x, y, z]) => connectivity === 26 || Math.abs(x) + Math.abs(y) + Math.abs(z) <= 1)
    .map(([x, y, z]) => x + y * strides[1] + z * strides[2]);
  const found: Record<number, number[]> = {};
  for (let start = 0; start < open.length; start += 1) {
    const label = open[start]!;
    if (label !== 0) (found[label] ??= []).push(eraseFrom(open, start, near));
  }
  for (const own of Object.values(found)) own.sort((a, b) => b - a);
  return found;
}

/** Sets the component of `start` to zero; its size. */
function eraseFrom(open: Uint8Array, start: number, near: readonly number[]): number {
  const label = open[start]!;
  const stack = [start];
  let size = 0;
  while (stack.length > 0) {
    const at = stack.pop()!;
    if (open[at] !== label) continue;
    open[at] = 0;
    size += 1;
    stack.push(...near.map((step) => at + step).filter((next) => open[next] === label));
  }
  return size;
}

const SCIPY = `
import json, sys, numpy as np
from scipy import ndimage
nx, ny, nz = map(int, sys.argv[1:4])
mask = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(nz, ny, nx)
out = {}
for connectivity, structure in (("6", None), ("26", np.ones((3, 3, 3)))):
    out[connectivity] = {}
    for label in np.unique(mask[mask > 0]):
        parts, count = ndimage.label(mask == label, structure)
        out[connectivity][str(label)] = sorted(np.bincount(parts.ravel())[1:].tolist(), reverse=True)
print(json.dumps(out))
`;

describe('components', () => {
  it('joins over corners at 26 and only over faces at 6', () => {
    const mask = drawn([
      ['1..', '...', '...'],
      ['...', '.1.', '...'],
      ['...', '...', '..1'],
    ]);

    expect(sizes(mask, 26)).toEqual({ 1: [3] });
    expect(sizes(mask, 6)).toEqual({ 1: [1, 1, 1] });
  });

  it('joins diagonal runs that end beside each other under another label', () => {
    const mask = drawn([['1122', '2211']]);

    expect(sizes(mask, 26)).toEqual({ 1: [4], 2: [4] });
    expect(sizes(mask, 6)).toEqual({ 1: [2, 2], 2: [2, 2] });
  });

  it('does not join voxels across the end of a row or a slice', () => {
    const mask = drawn([
      ['..1', '...', '...'],
      ['...', '...', '1..'],
    ]);

    expect(sizes(mask, 26)).toEqual({ 1: [1, 1] });
  });

  it('joins two arms that meet only at their last slice', () => {
    const arms = ['1.1'];
    const mask = drawn([arms, arms, ['111']]);

    expect(sizes(mask, 6)).toEqual({ 1: [7] });
  });

  it('knows no label in an empty map', () => {
    expect(components(labelMap([4, 3, 2], new Uint8Array(24)), 26).size).toBe(0);
  });

  it('agrees with a flood fill on any small map, aligned in memory or not', () => {
    const small = fc.integer({ min: 1, max: 7 });
    const arbitrary = fc
      .tuple(small, small, small, fc.integer({ min: 0, max: 3 }), fc.constantFrom<Connectivity>(6, 26))
      .chain(([nx, ny, nz, shift, connectivity]) =>
        fc.record({
          dims: fc.constant<Dims>([nx, ny, nz]),
          shift: fc.constant(shift),
          connectivity: fc.constant(connectivity),
          labels: fc.array(fc.constantFrom(0, 0, 0, 1, 2, 255), {
            minLength: nx * ny * nz,
            maxLength: nx * ny * nz,
          }),
        }),
      );

    fc.assert(
      fc.property(arbitrary, ({ dims, shift, connectivity, labels }) => {
        const buffer = new Uint8Array(labels.length + shift);
        const data = buffer.subarray(shift);
        data.set(labels);
        const mask = labelMap(dims, data);

        expect(sizes(mask, connectivity)).toEqual(flooded(mask, connectivity));
      }),
      { numRuns: 400 },
    );
  });

  it("equals scipy's components, label by label, at both connectivities", () => {
    const dims: Dims = [61, 47, 39];
    const data = new Uint8Array(dims[0] * dims[1] * dims[2]);
    for (let at = 0; at < data.length; at += 1) {
      const [x, y, z] = [at % 61, Math.floor(at / 61) % 47, Math.floor(at / (61 * 47))];
      const wave = Math.sin(x / 2.1) + Math.sin(y / 1.7) + Math.sin(z / 2.3 + x / 9);
      data[at] = wave > 1.1 ? 1 + ((x + 2 * y) % 29 > 14 ? 1 : 0) : wave < -1.5 ? 7 : 0;
    }
    const mask = labelMap(dims, data);

    const theirs = pythonJson(SCIPY, data, dims.map(String));

    expect({ 6: sizes(mask, 6), 26: sizes(mask, 26) }).toEqual(theirs);
    expect(components(mask, 6).get(7)!.count).toBeGreaterThan(20);
  });
});
