import type { Mesh } from './mesh.ts';
import { meshParts } from './mesh-parts.ts';

/** Takes triangles out of one part, as many as can go within an error in the positions' unit, down to `least`. */
export type Simplify = (
  mesh: Mesh,
  bounds: { readonly error: number; readonly leastTriangles: number },
) => Uint32Array;

/** Parts of fewer triangles are left as they are: small vessels and lesions must not vanish. */
const LEAST_TRIANGLES = 200;

/** Simplifies part by part and leaves out the vertices that nothing uses any more. */
export function simplifyParts(mesh: Mesh, simplify: Simplify, error: number): Mesh {
  const kept: Uint32Array[] = [];
  for (const part of trianglesByPart(mesh)) {
    if (part.length / 3 <= LEAST_TRIANGLES) {
      kept.push(part);
      continue;
    }
    const { mesh: own, vertices } = compact(mesh.positions, part);
    const simplified = simplify(own, { error, leastTriangles: LEAST_TRIANGLES });
    kept.push(simplified.map((vertex) => vertices[vertex]!));
  }
  const triangles = new Uint32Array(kept.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of kept) {
    triangles.set(part, at);
    at += part.length;
  }
  return compact(mesh.positions, triangles).mesh;
}

function trianglesByPart(mesh: Mesh): Uint32Array[] {
  const { count, partOf } = meshParts(mesh);
  const { triangles } = mesh;
  if (count === 1) return [triangles];
  const sizes = new Uint32Array(count);
  for (let at = 0; at < triangles.length; at += 3) sizes[partOf[triangles[at]!]!]! += 3;
  const parts = Array.from(sizes, (size) => new Uint32Array(size));
  const filled = new Uint32Array(count);
  for (let at = 0; at < triangles.length; at += 3) {
    const part = partOf[triangles[at]!]!;
    const own = parts[part]!;
    const to = filled[part]!;
    own[to] = triangles[at]!;
    own[to + 1] = triangles[at + 1]!;
    own[to + 2] = triangles[at + 2]!;
    filled[part] = to + 3;
  }
  return parts.filter(({ length }) => length > 0);
}

/** The vertices that triangles use, in order of first use, and the triangles over them. */
function compact(
  positions: Float32Array,
  triangles: Uint32Array,
): { readonly mesh: Mesh; readonly vertices: Uint32Array } {
  const place = new Int32Array(positions.length / 3).fill(-1);
  const used = new Uint32Array(Math.min(place.length, triangles.length));
  const own = new Uint32Array(triangles.length);
  let count = 0;
  for (let at = 0; at < triangles.length; at++) {
    const vertex = triangles[at]!;
    if (place[vertex] === -1) {
      used[count] = vertex;
      place[vertex] = count++;
    }
    own[at] = place[vertex]!;
  }
  const vertices = used.slice(0, count);
  const moved = new Float32Array(3 * count);
  for (let at = 0, to = 0; at < count; at++, to += 3) {
    const from = 3 * vertices[at]!;
    moved[to] = positions[from]!;
    moved[to + 1] = positions[from + 1]!;
    moved[to + 2] = positions[from + 2]!;
  }
  return { mesh: { positions: moved, triangles: own }, vertices };
}
