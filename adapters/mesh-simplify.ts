import { MeshoptSimplifier } from 'meshoptimizer/simplifier';
import type { Simplify } from '../core/volume/meshes/simplify-parts.ts';

/** Simplification by meshoptimizer, once its WebAssembly is ready; the same mesh gives the same triangles. */
export async function meshSimplifier(): Promise<Simplify> {
  await MeshoptSimplifier.ready;
  return ({ positions, triangles }, { error, leastTriangles }) =>
    MeshoptSimplifier.simplify(triangles, positions, 3, 3 * leastTriangles, error, ['ErrorAbsolute'])[0];
}
