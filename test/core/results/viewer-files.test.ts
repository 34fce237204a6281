import { beforeAll, describe, expect, it } from 'vitest';
import { meshSimplifier } from '../../../adapters/mesh-simplify.ts';
import { mz3File } from '../../../core/results/mz3.ts';
import { stlFile } from '../../../core/results/stl.ts';
import { vtpFile } from '../../../core/results/vtp.ts';
import { labelRuns } from '../../../core/volume/label-runs.ts';
import { cropLabel } from '../../../core/volume/meshes/label-crop.ts';
import type { Mesh } from '../../../core/volume/meshes/mesh.ts';
import type { Simplify } from '../../../core/volume/meshes/simplify-parts.ts';
import { structureMesh } from '../../../core/volume/meshes/structure-mesh.ts';
import { viewerFrameOf } from '../../../core/volume/meshes/viewer-frame.ts';
import { reorient } from '../../../core/volume/orientation.ts';
import { makePhantom, phantomGrid, type Phantom } from '../../../core/volume/phantom.ts';
import { PHANTOM_LABELS } from '../../../core/volume/phantom/labels.ts';
import { measure } from '../../../core/volume/statistics.ts';
import { readVti, readVtp, vtiBytes, zlibDeflate, type ReadImage } from '../../fixtures/vtk-files.ts';

let simplify: Simplify;
beforeAll(async () => {
  simplify = await meshSimplifier();
});

const GRIDS = [
  ['RAS', phantomGrid('small', { spacing: [4, 4, 4] })],
  ['LPS', phantomGrid('small', { orientation: 'LPS', spacing: [4, 4, 4] })],
  ['axes swapped, two turned', phantomGrid('small', { orientation: 'SLP', spacing: [3, 4, 5] })],
  ['oblique', phantomGrid('small', { orientation: 'LPS', spacing: [4, 4, 4], oblique: [10, -14, 25] })],
  ['anisotropic', phantomGrid('small', { orientation: 'LPI', spacing: [2.4, 2.4, 6] })],
] as const;
const STRUCTURES = ['liver', 'liver_vessels', 'liver_tumor', 'spleen'] as const;

/** Both files through the viewer's readers: the label as a volume, and its mesh. */
async function throughTheViewer(
  { ct, truth }: Phantom,
  label: number,
): Promise<{ image: ReadImage; points: Float32Array }> {
  const { boundingBox } = measure(ct, truth).get(label)!;
  const { mesh } = structureMesh(
    cropLabel(labelRuns(truth), label, boundingBox),
    viewerFrameOf(truth.grid),
    simplify,
  );
  const inside = { ...ct, data: Int16Array.from(truth.data, (value) => (value === label ? 1 : 0)) };
  const image = readVti(await vtiBytes(inside));
  const { points } = readVtp(Buffer.concat(await vtpFile(mesh, zlibDeflate)));
  return { image, points };
}

/** Share of the points that have voxels of both kinds within one voxel along every axis of the image. */
function shareAtBorder(
  { dims, spacing, values }: ReadImage,
  points: Float32Array,
  flipped: number | null,
): number {
  let near = 0;
  for (let at = 0; at < points.length; at += 3) {
    const [low, high] = [
      [0, 0, 0],
      [0, 0, 0],
    ];
    for (let axis = 0; axis < 3; axis++) {
      const index = points[at + axis]! / spacing[axis]!;
      const place = axis === flipped ? dims[axis]! - 1 - index : index;
      [low[axis], high[axis]] = [Math.ceil(place - 1), Math.floor(place + 1)];
    }
    if (holdsBoth(values, dims, low, high)) near += 1;
  }
  return near / (points.length / 3);
}

function holdsBoth(values: Int16Array, dims: readonly number[], low: number[], high: number[]): boolean {
  let [inside, outside] = [false, false];
  for (let k = low[2]!; k <= high[2]!; k++)
    for (let j = low[1]!; j <= high[1]!; j++)
      for (let i = low[0]!; i <= high[0]!; i++) {
        const within = [i, j, k].every((n, axis) => n >= 0 && n < dims[axis]!);
        if (within && values[i + dims[0]! * (j + dims[1]! * k)] === 1) inside = true;
        else outside = true;
      }
  return inside && outside;
}

describe('volume and meshes as the viewer reads them', () => {
  it.each(GRIDS)(
    'share one frame (%s): nearly all vertices lie within a voxel of the label',
    async (_what, grid) => {
      const phantom = makePhantom({ seed: 2, grid });
      for (const name of STRUCTURES) {
        const { image, points } = await throughTheViewer(phantom, PHANTOM_LABELS[name]);

        expect(shareAtBorder(image, points, null), name).toBeGreaterThanOrEqual(0.95);
        for (const axis of [0, 1, 2])
          expect(shareAtBorder(image, points, axis), `${name} flipped along ${axis}`).toBeLessThan(0.95);
      }
    },
  );

  it('the volume holds the HU of the CT in RAS+ order, origin 0 and no direction', async () => {
    const { ct } = makePhantom({ seed: 2, grid: GRIDS[2][1] });
    const image = readVti(await vtiBytes(ct));
    const turned = reorient(ct, 'RAS');

    expect(image.dims).toEqual(turned.grid.dims);
    expect(image.spacing.map((mm) => Math.round(1e6 * mm) / 1e6)).toEqual([3, 4, 5]);
    expect(image.origin).toEqual([0, 0, 0]);
    expect(image.direction).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect(sameNumbers(image.values, turned.data)).toBe(true);
  });

  it('a scaled float CT becomes whole HU within int16, air where there is no number', async () => {
    const grid = { dims: [3, 2, 1], affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] } as const;
    const data = Float32Array.of(0, 10.4, 10.6, 1e9, -1e9, Number.NaN);
    const image = readVti(await vtiBytes({ grid, data, slope: 2, intercept: -1 }));

    expect([...image.values]).toEqual([-1, 20, 20, 32767, -32768, -1024]);
  });

  it('a volume of more than one block comes back whole', async () => {
    const dims = [200, 160, 40] as const;
    const data = Int16Array.from({ length: 200 * 160 * 40 }, (_, at) => (at * 7919) % 3000);
    const ct = {
      grid: { dims, affine: [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1] },
      data,
      slope: 1,
      intercept: 0,
    };
    const image = readVti(await vtiBytes(ct));

    expect(sameNumbers(image.values, reorient(ct, 'RAS').data)).toBe(true);
  });

  it('a mesh comes back as it was, with unit normals that look outwards', async () => {
    const phantom = makePhantom({ seed: 2, grid: GRIDS[1][1] });
    const mesh = spleenOf(phantom);
    const read = readVtp(Buffer.concat(await vtpFile(mesh, zlibDeflate)));

    expect(read.points).toEqual(mesh.positions);
    expect(read.triangles).toEqual(mesh.triangles);
    const middle = [0, 1, 2].map((axis) => meanAlong(mesh.positions, axis));
    const outwards = dotsWith(read, middle).filter((dot) => dot > 0);
    expect(outwards.length / (read.points.length / 3)).toBeGreaterThan(0.9);
    for (let at = 0; at < read.normals.length; at += 3)
      expect(Math.hypot(...read.normals.subarray(at, at + 3))).toBeCloseTo(1, 4);
  });
});

describe('other mesh files', () => {
  it('MZ3 says its counts and holds faces, then vertices', () => {
    const mesh = spleenOf(makePhantom({ seed: 2, grid: GRIDS[0][1] }));
    const file = mz3File(mesh);
    const [faces, vertices] = [mesh.triangles.length / 3, mesh.positions.length / 3];

    expect([...new Uint16Array(file.buffer, 0, 2)]).toEqual([0x5a4d, 3]);
    expect([...new Uint32Array(file.buffer, 4, 3)]).toEqual([faces, vertices, 0]);
    expect(new Uint32Array(file.buffer, 16, 3 * faces)).toEqual(mesh.triangles);
    expect(new Float32Array(file.buffer, 16 + 12 * faces)).toEqual(mesh.positions);
  });

  it('STL has one record per triangle, each with a unit normal and its corners', () => {
    const mesh = spleenOf(makePhantom({ seed: 2, grid: GRIDS[0][1] }));
    const view = new DataView(stlFile(mesh).buffer);
    const float = (at: number): number => view.getFloat32(at, true);

    expect(view.getUint32(80, true)).toBe(mesh.triangles.length / 3);
    expect(view.byteLength).toBe(84 + 50 * (mesh.triangles.length / 3));
    expect(Math.hypot(float(84), float(88), float(92))).toBeCloseTo(1, 5);
    expect([0, 1, 2].map((axis) => float(96 + 4 * axis))).toEqual([
      ...mesh.positions.subarray(3 * mesh.triangles[0]!, 3 * mesh.triangles[0]! + 3),
    ]);
  });
});

function spleenOf({ ct, truth }: Phantom): Mesh {
  const { boundingBox } = measure(ct, truth).get(PHANTOM_LABELS.spleen)!;
  return structureMesh(
    cropLabel(labelRuns(truth), PHANTOM_LABELS.spleen, boundingBox),
    viewerFrameOf(truth.grid),
    simplify,
  ).mesh;
}

function meanAlong(positions: Float32Array, axis: number): number {
  return (
    positions.filter((_, at) => at % 3 === axis).reduce((sum, value) => sum + value, 0) /
    (positions.length / 3)
  );
}

function dotsWith(
  { points, normals }: { points: Float32Array; normals: Float32Array },
  middle: number[],
): number[] {
  return Array.from({ length: points.length / 3 }, (_, vertex) =>
    [0, 1, 2].reduce(
      (sum, axis) => sum + normals[3 * vertex + axis]! * (points[3 * vertex + axis]! - middle[axis]!),
      0,
    ),
  );
}

function sameNumbers(a: Int16Array, b: Int16Array): boolean {
  const bytes = ({ buffer, byteOffset, byteLength }: Int16Array): Buffer =>
    Buffer.from(buffer, byteOffset, byteLength);
  return bytes(a).equals(bytes(b));
}
