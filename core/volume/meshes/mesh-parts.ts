import type { Mesh } from './mesh.ts';

/** Connected parts of a mesh. */
export interface MeshParts {
  readonly count: number;
  /** The part of each vertex, counted in the order of first vertices. */
  readonly partOf: Int32Array;
}

/** Which vertices hang together by triangles. */
export function meshParts({ positions, triangles }: Mesh): MeshParts {
  const vertices = positions.length / 3;
  const parent = new Int32Array(vertices);
  for (let vertex = 0; vertex < vertices; vertex++) parent[vertex] = vertex;
  const rootOf = (vertex: number): number => {
    let node = vertex;
    while (parent[node] !== node) {
      parent[node] = parent[parent[node]!]!;
      node = parent[node]!;
    }
    return node;
  };
  const join = (a: number, b: number): void => {
    const rootA = rootOf(a);
    const rootB = rootOf(b);
    if (rootA < rootB) parent[rootB] = rootA;
    else parent[rootA] = rootB;
  };
  for (let at = 0; at < triangles.length; at += 3) {
    join(triangles[at]!, triangles[at + 1]!);
    join(triangles[at]!, triangles[at + 2]!);
  }
  const partOf = new Int32Array(vertices);
  let count = 0;
  for (let vertex = 0; vertex < vertices; vertex++) {
    const root = rootOf(vertex);
    partOf[vertex] = root === vertex ? count++ : partOf[root]!;
  }
  return { count, partOf };
}

/** Signed volume of each part in the cube of the positions' unit: positive where it is turned outwards, negative for cavities. */
export function partVolumes({ positions, triangles }: Mesh, { count, partOf }: MeshParts): Float64Array {
  const volumes = new Float64Array(count);
  for (let at = 0; at < triangles.length; at += 3)
    volumes[partOf[triangles[at]!]!]! += tetrahedron(positions, triangles, at);
  return volumes;
}

/** Surface of each part in the square of the positions' unit. */
export function partAreas({ positions, triangles }: Mesh, { count, partOf }: MeshParts): Float64Array {
  const areas = new Float64Array(count);
  for (let at = 0; at < triangles.length; at += 3)
    areas[partOf[triangles[at]!]!]! += triangleArea(positions, triangles, at);
  return areas;
}

/** Signed volume between the origin and the triangle that begins at `at`. */
export function tetrahedron(positions: Float32Array, triangles: Uint32Array, at: number): number {
  const a = 3 * triangles[at]!;
  const b = 3 * triangles[at + 1]!;
  const c = 3 * triangles[at + 2]!;
  const bx = positions[b]!;
  const by = positions[b + 1]!;
  const bz = positions[b + 2]!;
  const cx = positions[c]!;
  const cy = positions[c + 1]!;
  const cz = positions[c + 2]!;
  const x = positions[a]! * (by * cz - bz * cy);
  const y = positions[a + 1]! * (bz * cx - bx * cz);
  const z = positions[a + 2]! * (bx * cy - by * cx);
  return (x + y + z) / 6;
}

/** Area of the triangle that begins at `at`. */
export function triangleArea(positions: Float32Array, triangles: Uint32Array, at: number): number {
  const a = 3 * triangles[at]!;
  const b = 3 * triangles[at + 1]!;
  const c = 3 * triangles[at + 2]!;
  const ux = positions[b]! - positions[a]!;
  const uy = positions[b + 1]! - positions[a + 1]!;
  const uz = positions[b + 2]! - positions[a + 2]!;
  const vx = positions[c]! - positions[a]!;
  const vy = positions[c + 1]! - positions[a + 1]!;
  const vz = positions[c + 2]! - positions[a + 2]!;
  const x = uy * vz - uz * vy;
  const y = uz * vx - ux * vz;
  const z = ux * vy - uy * vx;
  return Math.sqrt(x * x + y * y + z * z) / 2;
}
