import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { meshSimplifier } from '../../../../adapters/mesh-simplify.ts';
import { components } from '../../../../core/volume/components.ts';
import { labelRuns } from '../../../../core/volume/label-runs.ts';
import { cropLabel } from '../../../../core/volume/meshes/label-crop.ts';
import { meshParts, partVolumes } from '../../../../core/volume/meshes/mesh-parts.ts';
import { movedMesh } from '../../../../core/volume/meshes/mesh.ts';
import { meshFactsOf } from '../../../../core/volume/meshes/mesh-facts.ts';
import type { Simplify } from '../../../../core/volume/meshes/simplify-parts.ts';
import { structureMesh, type StructureMesh } from '../../../../core/volume/meshes/structure-mesh.ts';
import { viewerFrameOf } from '../../../../core/volume/meshes/viewer-frame.ts';
import { makePhantom, phantomGrid } from '../../../../core/volume/phantom.ts';
import { PHANTOM_LABELS } from '../../../../core/volume/phantom/labels.ts';
import { measure } from '../../../../core/volume/statistics.ts';
import { voxelMl, type Dims, type LabelMap } from '../../../../core/volume/volume.ts';
import { labelBlocks, unitGrid, type Block } from '../../../fixtures/label-blocks.ts';

let simplify: Simplify;
beforeAll(async () => {
  simplify = await meshSimplifier();
});

/** The mesh of a label with its volume in voxels, ml. */
function meshOf(mask: LabelMap, label = 1): StructureMesh & { readonly voxelsMl: number } {
  const ct = { grid: mask.grid, data: new Int16Array(mask.data.length), slope: 1, intercept: 0 };
  const { boundingBox, volumeMl } = measure(ct, mask).get(label)!;
  const crop = cropLabel(labelRuns(mask), label, boundingBox);
  return { ...structureMesh(crop, viewerFrameOf(mask.grid), simplify), voxelsMl: volumeMl };
}

const blocks = (dims: Dims, ...list: Block[]): LabelMap => labelBlocks(unitGrid(dims), list);

describe('the mesh of a structure', () => {
  it.each([
    [
      'a single voxel',
      blocks(
        [5, 5, 5],
        [
          [2, 2, 2],
          [2, 2, 2],
        ],
      ),
    ],
    [
      'a single slice',
      blocks(
        [20, 20, 5],
        [
          [3, 3, 2],
          [15, 12, 2],
        ],
      ),
    ],
    [
      'a vessel one voxel thick',
      blocks(
        [40, 7, 7],
        [
          [2, 3, 3],
          [37, 3, 3],
        ],
      ),
    ],
    [
      'a structure in the corner of the scan',
      blocks(
        [12, 12, 12],
        [
          [0, 0, 0],
          [6, 6, 6],
        ],
      ),
    ],
    [
      'the whole scan',
      blocks(
        [9, 8, 7],
        [
          [0, 0, 0],
          [8, 7, 6],
        ],
      ),
    ],
    [
      'a one-slice scan',
      blocks(
        [9, 8, 1],
        [
          [0, 2, 0],
          [8, 5, 0],
        ],
      ),
    ],
    ['a hollow structure', labelShell()],
  ])('%s is closed, turned outwards, and as large as its voxels', (_what, mask) => {
    const { facts, voxelsMl } = meshOf(mask);

    expect(facts.closed).toBe(true);
    expect(facts.volumeMl / voxelsMl).toBeGreaterThan(0.97);
    expect(facts.volumeMl / voxelsMl).toBeLessThan(1.03);
  });

  it('counts edges that voxels share only diagonally, and stays closed', () => {
    const { facts } = meshOf(
      blocks(
        [12, 12, 12],
        [
          [2, 2, 2],
          [5, 5, 9],
        ],
        [
          [6, 6, 2],
          [9, 9, 9],
        ],
      ),
    );

    expect(facts.nonManifoldEdges).toBeGreaterThan(0);
    expect(facts.closed).toBe(true);
  });

  it('keeps every component, those of one voxel too', () => {
    const list = [0, 1, 2, 3, 4, 5].map((n): Block => [
      [4 * n, 2, 2],
      [4 * n + (n % 3), 2, 2 + n],
    ]);
    const mask = blocks([26, 5, 9], ...list);
    const { mesh } = meshOf(mask);
    const volumes = partVolumes(mesh, meshParts(mesh));

    expect(volumes.length).toBe(components(mask, 26).get(1)!.count);
    expect(Math.min(...volumes)).toBeGreaterThan(0.5);
  });

  it.each(['RAS', 'LPS', 'SAR', 'PIL'])('is turned outwards on a grid whose axes run %s', (orientation) => {
    const { truth } = makePhantom({
      seed: 5,
      grid: phantomGrid('small', { orientation, spacing: [6, 6, 6] }),
    });
    const { facts, voxelsMl } = meshOf(truth);

    expect(facts.volumeMl / voxelsMl).toBeGreaterThan(0.99);
  });

  it('is closed and turned outwards whatever the voxels are', () => {
    const cells = fc.array(fc.boolean(), { minLength: 64, maxLength: 64 });
    fc.assert(
      fc.property(
        cells.filter((inside) => inside.includes(true)),
        (inside) => {
          const { facts, voxelsMl } = meshOf({
            grid: unitGrid([4, 4, 4]),
            data: Uint8Array.from(inside, Number),
          });

          expect(facts.closed).toBe(true);
          expect(facts.volumeMl).toBeGreaterThan(0.5 * voxelsMl);
          expect(facts.volumeMl).toBeLessThan(1.2 * voxelsMl);
        },
      ),
      { numRuns: 200, seed: 7 },
    );
  });
});

describe('meshes of the phantom', () => {
  it.each([
    ['isotropic', phantomGrid('small')],
    ['anisotropic', phantomGrid('small', { spacing: [2.4, 2.4, 5] })],
    ['oblique', phantomGrid('small', { orientation: 'LPS', oblique: [12, -8, 20] })],
  ])('have the volume of their voxels within a hundredth, thin vessels too (%s)', (_what, grid) => {
    const { truth } = makePhantom({ seed: 3, grid });
    for (const name of ['liver', 'liver_vessels', 'liver_tumor', 'pancreas'] as const) {
      const { facts, mesh, voxelsMl } = meshOf(truth, PHANTOM_LABELS[name]);

      expect(Math.abs(facts.volumeMl / voxelsMl - 1), name).toBeLessThan(0.01);
      expect(facts.closed, name).toBe(true);
      expect(meshParts(mesh).count, name).toBeGreaterThanOrEqual(
        components(truth, 26).get(PHANTOM_LABELS[name])!.count,
      );
    }
  });

  it('are the same bytes every time, in far fewer triangles than voxels have faces', () => {
    const { truth } = makePhantom({ seed: 3, grid: phantomGrid('small') });
    const [first, second] = [meshOf(truth), meshOf(truth)];

    expect(second.mesh).toEqual(first.mesh);
    expect(first.facts.triangles).toBeLessThan(30_000);
  });

  it('lie where their voxels do when they are moved to the patient', () => {
    const grid = phantomGrid('small', { orientation: 'LPS', oblique: [12, -8, 20], spacing: [4, 4, 6] });
    const phantom = makePhantom({ seed: 3, grid });
    const statistics = measure(phantom.ct, phantom.truth).get(PHANTOM_LABELS.spleen)!;
    const { mesh } = meshOf(phantom.truth, PHANTOM_LABELS.spleen);
    const world = movedMesh(mesh, viewerFrameOf(grid).toWorld);
    const facts = meshFactsOf(world);

    expect(facts.volumeMl).toBeCloseTo(statistics.voxels * voxelMl(grid.affine), 0);
    for (const axis of [0, 1, 2] as const)
      expect(centroidOf(world.positions, world.triangles)[axis]).toBeCloseTo(statistics.centroidMm[axis], 0);
  });
});

/** Centre of the volume inside a closed mesh. */
function centroidOf(positions: Float32Array, triangles: Uint32Array): [number, number, number] {
  const sum: [number, number, number] = [0, 0, 0];
  let volume = 0;
  for (let at = 0; at < triangles.length; at += 3) {
    const [a, b, c] = [0, 1, 2].map((corner) =>
      positions.subarray(3 * triangles[at + corner]!, 3 * triangles[at + corner]! + 3),
    ) as [Float32Array, Float32Array, Float32Array];
    const part =
      (a[0]! * (b[1]! * c[2]! - b[2]! * c[1]!) +
        a[1]! * (b[2]! * c[0]! - b[0]! * c[2]!) +
        a[2]! * (b[0]! * c[1]! - b[1]! * c[0]!)) /
      6;
    volume += part;
    for (const axis of [0, 1, 2] as const) sum[axis] += (part * (a[axis]! + b[axis]! + c[axis]!)) / 4;
  }
  return [sum[0] / volume, sum[1] / volume, sum[2] / volume];
}

function labelShell(): LabelMap {
  const mask = blocks(
    [14, 14, 14],
    [
      [1, 1, 1],
      [12, 12, 12],
    ],
  );
  for (let k = 4; k < 10; k++)
    for (let j = 4; j < 10; j++) mask.data.fill(0, 4 + 14 * (j + 14 * k), 10 + 14 * (j + 14 * k));
  return mask;
}
