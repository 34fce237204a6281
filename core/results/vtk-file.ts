/** Compresses bytes as a zlib stream (RFC 1950). */
export type Deflate = (bytes: Uint8Array) => Promise<Uint8Array>;

/** One array of a VTK XML file: its attributes, and its content block by block in order. */
export interface VtkArray {
  readonly name: string;
  readonly type: 'Float32' | 'Int16' | 'Int32';
  readonly componentCount: number;
  /** Size of the whole content. */
  readonly bytes: number;
  /** The content from byte `begin` to `end` (exclusive), little-endian. */
  readonly slice: (begin: number, end: number) => Uint8Array;
}

/** A typed array as content. */
export function arrayContent(data: Float32Array | Int32Array): Pick<VtkArray, 'bytes' | 'slice'> {
  return {
    bytes: data.byteLength,
    slice: (begin, end) => new Uint8Array(data.buffer, data.byteOffset + begin, end - begin),
  };
}

/** Uncompressed bytes of a block; a multiple of every value's size. */
const BLOCK_BYTES = 2 ** 20;
/** Blocks that are compressed at once. */
const AT_ONCE = 4;

/** An array that is ready to be written. */
interface Encoded {
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
}

/**
 * The bytes of a VTK XML file in pieces: little-endian, UInt32 headers, zlib blocks, raw appended data, which VTK and
 * vtk.js read without turning it into text. `body` writes the element of the data set; it is given the `DataArray`
 * element of each array, by its place in `arrays`.
 */
export async function vtkFile(
  dataSet: 'ImageData' | 'PolyData',
  arrays: readonly VtkArray[],
  deflate: Deflate,
  body: (elements: readonly string[]) => string,
): Promise<readonly Uint8Array[]> {
  const encoded: Encoded[] = [];
  for (const array of arrays) encoded.push(await encode(array, deflate));
  let offset = 0;
  const elements = arrays.map(({ name, type, componentCount }, at) => {
    const element =
      `<DataArray type="${type}" Name="${name}" NumberOfComponents="${componentCount}" format="appended" ` +
      `offset="${offset}"/>`;
    offset += encoded[at]!.bytes;
    return element;
  });
  const head =
    `<?xml version="1.0"?>\n<VTKFile type="${dataSet}" version="1.0" byte_order="LittleEndian" ` +
    `header_type="UInt32" compressor="vtkZLibDataCompressor">\n${body(elements)}\n<AppendedData encoding="raw">\n_`;
  const text = new TextEncoder();
  return [
    text.encode(head),
    ...encoded.flatMap(({ pieces }) => pieces),
    text.encode('\n</AppendedData>\n</VTKFile>\n'),
  ];
}

/** vtkZLibDataCompressor: number of blocks, size of a block, size of the last if shorter, sizes compressed; blocks. */
async function encode({ bytes, slice }: VtkArray, deflate: Deflate): Promise<Encoded> {
  const blocks: Uint8Array[] = [];
  for (let begin = 0; begin < bytes; begin += AT_ONCE * BLOCK_BYTES) {
    const starts = Array.from({ length: AT_ONCE }, (_, at) => begin + at * BLOCK_BYTES);
    const group = starts.filter((start) => start < bytes);
    blocks.push(
      ...(await Promise.all(
        group.map((start) => deflate(slice(start, Math.min(bytes, start + BLOCK_BYTES)))),
      )),
    );
  }
  const header = new Uint32Array([
    blocks.length,
    BLOCK_BYTES,
    bytes % BLOCK_BYTES,
    ...blocks.map(({ length }) => length),
  ]);
  const pieces = [new Uint8Array(header.buffer), ...blocks];
  return { pieces, bytes: pieces.reduce((sum, { length }) => sum + length, 0) };
}
