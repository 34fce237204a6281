import type { LabelCrop } from './label-crop.ts';
import { movedPoints, movedTriangles, type Mesh } from './mesh.ts';
import { meshFactsOf, type MeshFacts } from './mesh-facts.ts';
import { restoreVolume } from './restore-volume.ts';
import { simplifyParts, type Simplify } from './simplify-parts.ts';
import { smoothNet } from './smooth-net.ts';
import { surfaceNet, type SurfaceNet } from './surface-net.ts';
import type { ViewerFrame } from './viewer-frame.ts';

/** The mesh of one structure in mm of the viewer's frame, and what can be said of it. */
export interface StructureMesh {
  readonly mesh: Mesh;
  readonly facts: MeshFacts;
}

/** Farthest that simplification may move the surface, in sides of the smallest voxel edge; at most `MOST_ERROR_MM`. */
const ERROR_VOXELS = 0.15;
const MOST_ERROR_MM = 0.15;

/**
 * Meshes one label: surface net, Taubin smoothing, the volume of its voxels restored, simplified by error. Closed,
 * turned outwards, the same bytes for the same crop. A component keeps its place and is never dropped.
 */
export function structureMesh(crop: LabelCrop, frame: ViewerFrame, simplify: Simplify): StructureMesh {
  const net = surfaceNet(crop);
  const leastSpacing = Math.min(...frame.spacing);
  const smoothed = triangulated(net, smoothNet(net), frame);
  const voxels = { positions: movedPoints(net.centres, frame.fromIndex), triangles: smoothed.triangles };
  const restored = restoreVolume(smoothed, voxels, leastSpacing);
  const mesh = simplifyParts(restored, simplify, Math.min(MOST_ERROR_MM, ERROR_VOXELS * leastSpacing));
  return { mesh, facts: meshFactsOf(mesh) };
}

/** Two triangles a quad, along its shorter diagonal. */
function triangulated({ quads }: SurfaceNet, positions: Float32Array, { fromIndex }: ViewerFrame): Mesh {
  const moved = movedPoints(positions, fromIndex);
  const triangles = new Uint32Array((quads.length / 4) * 6);
  for (let quad = 0, at = 0; quad < quads.length; quad += 4, at += 6) {
    const a = quads[quad]!;
    const b = quads[quad + 1]!;
    const c = quads[quad + 2]!;
    const d = quads[quad + 3]!;
    const along = distance2(moved, a, c) <= distance2(moved, b, d);
    triangles[at] = a;
    triangles[at + 1] = b;
    triangles[at + 2] = along ? c : d;
    triangles[at + 3] = along ? a : b;
    triangles[at + 4] = c;
    triangles[at + 5] = d;
  }
  // The quads are turned outwards in voxel axes; a frame that mirrors those turns them round.
  return { positions: moved, triangles: movedTriangles(triangles, fromIndex) };
}

function distance2(positions: Float32Array, a: number, b: number): number {
  const x = positions[3 * a]! - positions[3 * b]!;
  const y = positions[3 * a + 1]! - positions[3 * b + 1]!;
  const z = positions[3 * a + 2]! - positions[3 * b + 2]!;
  return x * x + y * y + z * z;
}
