import type { Mesh } from '../volume/meshes/mesh.ts';

const MAGIC = 0x5a4d;
const FACES_AND_VERTICES = 3;
const HEADER_BYTES = 16;

/** A mesh as an MZ3 file before it is gzipped (NiiVue reads both); positions as they are: RAS+ mm for NiiVue. */
export function mz3File({ positions, triangles }: Mesh): Uint8Array {
  const file = new Uint8Array(HEADER_BYTES + triangles.byteLength + positions.byteLength);
  const header = new DataView(file.buffer);
  header.setUint16(0, MAGIC, true);
  header.setUint16(2, FACES_AND_VERTICES, true);
  header.setUint32(4, triangles.length / 3, true);
  header.setUint32(8, positions.length / 3, true);
  file.set(bytesOf(triangles), HEADER_BYTES);
  file.set(bytesOf(positions), HEADER_BYTES + triangles.byteLength);
  return file;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
