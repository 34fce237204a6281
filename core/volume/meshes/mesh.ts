/** Triangles over shared vertices; three coordinates a vertex, three vertices a triangle, counter-clockwise from outside. */
export interface Mesh {
  readonly positions: Float32Array;
  readonly triangles: Uint32Array;
}

/** The mesh moved by a row-major 4x4 matrix; a matrix that mirrors turns the triangles round, so outside stays outside. */
export function movedMesh({ positions, triangles }: Mesh, matrix: readonly number[]): Mesh {
  return { positions: movedPoints(positions, matrix), triangles: movedTriangles(triangles, matrix) };
}

/** Points moved by a row-major 4x4 matrix. */
export function movedPoints(positions: Float32Array, matrix: readonly number[]): Float32Array {
  const m = (at: number): number => matrix[at]!;
  const moved = new Float32Array(positions.length);
  for (let row = 0; row < 3; row++) {
    const [a, b, c, d] = [m(4 * row), m(4 * row + 1), m(4 * row + 2), m(4 * row + 3)];
    for (let at = 0; at < positions.length; at += 3)
      moved[at + row] = a * positions[at]! + b * positions[at + 1]! + c * positions[at + 2]! + d;
  }
  return moved;
}

/** Triangles over points that are moved: turned round where the matrix mirrors, else the same. */
export function movedTriangles(triangles: Uint32Array, matrix: readonly number[]): Uint32Array {
  const m = (at: number): number => matrix[at]!;
  const mirrors =
    m(0) * (m(5) * m(10) - m(6) * m(9)) -
      m(1) * (m(4) * m(10) - m(6) * m(8)) +
      m(2) * (m(4) * m(9) - m(5) * m(8)) <
    0;
  return mirrors ? turnedRound(triangles) : triangles;
}

function turnedRound(triangles: Uint32Array): Uint32Array {
  const turned = triangles.slice();
  for (let at = 0; at < turned.length; at += 3) {
    turned[at + 1] = triangles[at + 2]!;
    turned[at + 2] = triangles[at + 1]!;
  }
  return turned;
}

/** Unit normals of the vertices, three numbers each: those of the triangles around, weighted by their area. */
export function vertexNormals({ positions, triangles }: Mesh): Float32Array {
  const normals = new Float32Array(positions.length);
  for (let at = 0; at < triangles.length; at += 3) {
    const a = 3 * triangles[at]!;
    const b = 3 * triangles[at + 1]!;
    const c = 3 * triangles[at + 2]!;
    const ux = positions[b]! - positions[a]!;
    const uy = positions[b + 1]! - positions[a + 1]!;
    const uz = positions[b + 2]! - positions[a + 2]!;
    const vx = positions[c]! - positions[a]!;
    const vy = positions[c + 1]! - positions[a + 1]!;
    const vz = positions[c + 2]! - positions[a + 2]!;
    const nx = uy * vz - uz * vy;
    const ny = uz * vx - ux * vz;
    const nz = ux * vy - uy * vx;
    normals[a]! += nx;
    normals[a + 1]! += ny;
    normals[a + 2]! += nz;
    normals[b]! += nx;
    normals[b + 1]! += ny;
    normals[b + 2]! += nz;
    normals[c]! += nx;
    normals[c + 1]! += ny;
    normals[c + 2]! += nz;
  }
  for (let at = 0; at < normals.length; at += 3) {
    const x = normals[at]!;
    const y = normals[at + 1]!;
    const z = normals[at + 2]!;
    const length = Math.sqrt(x * x + y * y + z * z) || 1;
    normals[at]! /= length;
    normals[at + 1]! /= length;
    normals[at + 2]! /= length;
  }
  return normals;
}
