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
  const sizes = new Uint32Array(count);
  for (let at = 0; at < triangles.length; at += 3) sizes[partOf[triangles[at]!]!]! += 3;
  const parts = Array.from(sizes, (size) => new Uint32Array(size));
  const filled = new Uint32Array(count);
  for (let at = 0; at < triangles.length; at += 3) {
    const part = partOf[triangles[at]!]!;
    parts[part]!.set(triangles.subarray(at, at + 3), filled[part]);
    filled[part]! += 3;
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
  let count = 0;
  const own = triangles.map((vertex) => {
    if (place[vertex] === -1) {
      used[count] = vertex;
      place[vertex] = count++;
    }
    return place[vertex]!;
  });
  const vertices = used.slice(0, count);
  const moved = new Float32Array(3 * count);
  for (const [at, vertex] of vertices.entries())
    moved.set(positions.subarray(3 * vertex, 3 * vertex + 3), 3 * at);
  return { mesh: { positions: moved, triangles: own }, vertices };
}
