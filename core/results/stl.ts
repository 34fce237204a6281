import type { Mesh } from '../volume/meshes/mesh.ts';

const HEADER_BYTES = 84;
const TRIANGLE_BYTES = 50;

/** A mesh as a binary STL file; positions as they are, in mm. */
export function stlFile({ positions, triangles }: Mesh): Uint8Array {
  const count = triangles.length / 3;
  const file = new Uint8Array(HEADER_BYTES + TRIANGLE_BYTES * count);
  const view = new DataView(file.buffer);
  file.set(new TextEncoder().encode('Binary STL, mm, RAS+'));
  view.setUint32(80, count, true);
  for (let triangle = 0; triangle < count; triangle++) {
    const corners = [0, 1, 2].map((corner) => {
      const at = 3 * triangles[3 * triangle + corner]!;
      return [positions[at]!, positions[at + 1]!, positions[at + 2]!] as const;
    });
    const numbers = [...normalOf(corners), ...corners.flat()];
    for (const [at, number] of numbers.entries())
      view.setFloat32(HEADER_BYTES + TRIANGLE_BYTES * triangle + 4 * at, number, true);
  }
  return file;
}

function normalOf(corners: readonly (readonly [number, number, number])[]): readonly number[] {
  const [a, b, c] = corners as [(typeof corners)[0], (typeof corners)[0], (typeof corners)[0]];
  const [ux, uy, uz] = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
  const [vx, vy, vz] = [c[0] - a[0], c[1] - a[1], c[2] - a[2]];
  const normal = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
  const length = Math.hypot(...normal) || 1;
  return normal.map((part) => part / length);
}
