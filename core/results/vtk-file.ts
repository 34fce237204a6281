/** Compresses bytes as a zlib stream (RFC 1950), of which it gives the pieces in order. */
export type Deflate = (bytes: Uint8Array) => Promise<readonly Uint8Array[]>;

/** Puts bytes into a file at a position; parts come in any order, each once. */
export type WriteAt = (bytes: Uint8Array, position: number) => Promise<void>;

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

type DataSet = 'ImageData' | 'PolyData';

/** Uncompressed bytes of a block; a multiple of every value's size. */
export const VTK_BLOCK_BYTES = 2 ** 20;
/** Blocks that are compressed at once: one fewer than Node has threads, for others have to read and write meanwhile. */
const AT_ONCE = 3;
const TAIL = new TextEncoder().encode('\n</AppendedData>\n</VTKFile>\n');

/**
 * The bytes of a VTK XML file in pieces: little-endian, UInt32 headers, zlib blocks, raw appended data, which VTK and
 * vtk.js read without turning it into text. `body` writes the element of the data set; it is given the `DataArray`
 * element of each array, by its place in `arrays`.
 */
export async function vtkFile(
  dataSet: DataSet,
  arrays: readonly VtkArray[],
  deflate: Deflate,
  body: (elements: readonly string[]) => string,
): Promise<readonly Uint8Array[]> {
  const pieces: Uint8Array[][] = [];
  const offsets = [0];
  for (const array of arrays) {
    const own: Uint8Array[] = [];
    const header = await compressBlocks(array, deflate, async (piece) => void own.push(piece));
    own.unshift(header);
    pieces.push(own);
    offsets.push(offsets.at(-1)! + own.reduce((sum, { length }) => sum + length, 0));
  }
  const elements = arrays.map((array, at) => elementOf(array, offsets[at]!));
  return [headOf(dataSet, body(elements)), ...pieces.flat(), TAIL];
}

/** Writes a `vtkFile` of one array, of which only a few blocks are held at a time. */
export async function writeVtkFile(
  dataSet: DataSet,
  array: VtkArray,
  { deflate, writeAt }: { readonly deflate: Deflate; readonly writeAt: WriteAt },
  body: (element: string) => string,
): Promise<void> {
  const head = headOf(dataSet, body(elementOf(array, 0)));
  let end = head.length + headerBytes(array);
  // What stands before the blocks is known when they all are.
  const header = await compressBlocks(array, deflate, (piece) => {
    const position = end;
    end += piece.length;
    return writeAt(piece, position);
  });
  await writeAt(head, 0);
  await writeAt(header, head.length);
  await writeAt(TAIL, end);
}

function headOf(dataSet: DataSet, body: string): Uint8Array {
  return new TextEncoder().encode(
    `<?xml version="1.0"?>\n<VTKFile type="${dataSet}" version="1.0" byte_order="LittleEndian" ` +
      `header_type="UInt32" compressor="vtkZLibDataCompressor">\n${body}\n<AppendedData encoding="raw">\n_`,
  );
}

const elementOf = ({ name, type, componentCount }: VtkArray, offset: number): string =>
  `<DataArray type="${type}" Name="${name}" NumberOfComponents="${componentCount}" format="appended" ` +
  `offset="${offset}"/>`;

const headerBytes = ({ bytes }: VtkArray): number => 4 * (3 + Math.ceil(bytes / VTK_BLOCK_BYTES));

/**
 * Hands on the compressed blocks in order and returns what stands before them (vtkZLibDataCompressor): number of
 * blocks, size of a block, size of the last if shorter, sizes compressed.
 */
async function compressBlocks(
  { bytes, slice }: VtkArray,
  deflate: Deflate,
  take: (piece: Uint8Array) => Promise<void>,
): Promise<Uint8Array> {
  const sizes: number[] = [];
  const compressing: Promise<readonly Uint8Array[]>[] = [];
  const takeFirst = async (): Promise<void> => {
    const pieces = await compressing.shift()!;
    sizes.push(pieces.reduce((sum, { length }) => sum + length, 0));
    for (const piece of pieces) await take(piece);
  };
  try {
    for (let begin = 0; begin < bytes; begin += VTK_BLOCK_BYTES) {
      if (compressing.length === AT_ONCE) await takeFirst();
      compressing.push(deflate(slice(begin, Math.min(bytes, begin + VTK_BLOCK_BYTES))));
    }
    while (compressing.length > 0) await takeFirst();
  } finally {
    await Promise.allSettled(compressing);
  }
  return new Uint8Array(
    Uint32Array.of(sizes.length, VTK_BLOCK_BYTES, bytes % VTK_BLOCK_BYTES, ...sizes).buffer,
  );
}
