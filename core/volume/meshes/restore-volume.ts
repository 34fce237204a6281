import { vertexNormals, type Mesh } from './mesh.ts';
import { meshParts, partAreas, partVolumes } from './mesh-parts.ts';

/** A part that keeps less of its volume than this through smoothing is shown as its voxels are. */
const LEAST_KEPT = 0.5;
const ROUNDS = 3;
/** Farthest that a vertex is moved in one round, in edges of the smallest voxel side. */
const MOST_STEP = 0.25;

/**
 * Gives every part of a smoothed mesh the volume of its voxels again, which smoothing takes from thin vessels: the
 * part is moved along its normals by missing volume / area; one that smoothing nearly ate becomes the blocks that it
 * is made of. Both meshes have the same triangles, in mm; `voxels` runs along the voxels' own faces.
 */
export function restoreVolume(smoothed: Mesh, voxels: Mesh, leastSpacing: number): Mesh {
  const parts = meshParts(voxels);
  const aim = partVolumes(voxels, parts);
  const kept = partVolumes(smoothed, parts);
  const eaten = aim.map((volume, part) => (kept[part]! / volume < LEAST_KEPT ? 1 : 0));
  const positions = smoothed.positions.slice();
  const mesh = { positions, triangles: smoothed.triangles };
  const { partOf } = parts;
  if (eaten.includes(1))
    for (let at = 0; at < positions.length; at++)
      if (eaten[partOf[Math.floor(at / 3)]!] === 1) positions[at] = voxels.positions[at]!;
  const most = MOST_STEP * leastSpacing;
  for (let round = 0; round < ROUNDS; round++) {
    const now = partVolumes(mesh, parts);
    const shifts = partAreas(mesh, parts).map((area, part) =>
      Math.max(-most, Math.min(most, (aim[part]! - now[part]!) / area)),
    );
    const normals = vertexNormals(mesh);
    for (let vertex = 0, at = 0; at < positions.length; vertex++, at += 3) {
      const part = partOf[vertex]!;
      if (eaten[part] === 1) continue;
      const shift = shifts[part]!;
      positions[at]! += shift * normals[at]!;
      positions[at + 1]! += shift * normals[at + 1]!;
      positions[at + 2]! += shift * normals[at + 2]!;
    }
  }
  return mesh;
}
