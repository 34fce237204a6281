import { vertexNormals, type Mesh } from '../volume/meshes/mesh.ts';
import { arrayContent, vtkFile, type Deflate } from './vtk-file.ts';

/** A mesh as a VTK XML PolyData file (`.vtp`), in pieces: its points as they are, with normals for smooth shading. */
export function vtpFile(mesh: Mesh, deflate: Deflate): Promise<readonly Uint8Array[]> {
  const { positions, triangles } = mesh;
  const count = triangles.length / 3;
  const offsets = Int32Array.from({ length: count }, (_, at) => 3 * (at + 1));
  const arrays = [
    { name: 'Points', type: 'Float32', componentCount: 3, ...arrayContent(positions) },
    { name: 'Normals', type: 'Float32', componentCount: 3, ...arrayContent(vertexNormals(mesh)) },
    { name: 'connectivity', type: 'Int32', componentCount: 1, ...arrayContent(Int32Array.from(triangles)) },
    { name: 'offsets', type: 'Int32', componentCount: 1, ...arrayContent(offsets) },
  ] as const;
  return vtkFile(
    'PolyData',
    arrays,
    deflate,
    ([points, normals, connectivity, ends]) =>
      `<PolyData>\n<Piece NumberOfPoints="${positions.length / 3}" NumberOfVerts="0" NumberOfLines="0" ` +
      `NumberOfStrips="0" NumberOfPolys="${count}">\n<PointData Normals="Normals">${normals}</PointData>\n` +
      `<Points>${points}</Points>\n<Polys>${connectivity}${ends}</Polys>\n</Piece>\n</PolyData>`,
  );
}
