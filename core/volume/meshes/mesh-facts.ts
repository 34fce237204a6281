import type { Mesh } from './mesh.ts';
import { tetrahedron, triangleArea } from './mesh-parts.ts';

/** What can be said of a mesh by itself; positions in mm. */
export interface MeshFacts {
  readonly triangles: number;
  /** No edge is used an odd number of times: nothing leaks. */
  readonly closed: boolean;
  /** Edges that more than two triangles share. */
  readonly nonManifoldEdges: number;
  /** Signed: positive when the triangles are turned outwards. */
  readonly volumeMl: number;
  readonly areaMm2: number;
}

/** Counts and measures a mesh in mm. */
export function meshFactsOf(mesh: Mesh): MeshFacts {
  const { positions, triangles } = mesh;
  let [volume, area] = [0, 0];
  for (let at = 0; at < triangles.length; at += 3) {
    volume += tetrahedron(positions, triangles, at);
    area += triangleArea(positions, triangles, at);
  }
  return {
    triangles: triangles.length / 3,
    ...edgeFacts(mesh),
    volumeMl: volume / 1000,
    areaMm2: area,
  };
}

function edgeFacts({ positions, triangles }: Mesh): Pick<MeshFacts, 'closed' | 'nonManifoldEdges'> {
  const vertices = positions.length / 3;
  const edges = new Float64Array(triangles.length);
  for (let at = 0; at < triangles.length; at++) {
    const a = triangles[at]!;
    const b = triangles[at % 3 === 2 ? at - 2 : at + 1]!;
    edges[at] = Math.min(a, b) * vertices + Math.max(a, b);
  }
  edges.sort();
  let [closed, nonManifoldEdges] = [true, 0];
  for (let at = 0; at < edges.length;) {
    let next = at + 1;
    while (edges[next] === edges[at]) next += 1;
    const uses = next - at;
    if (uses % 2 === 1) closed = false;
    if (uses > 2) nonManifoldEdges += 1;
    at = next;
  }
  return { closed, nonManifoldEdges };
}
