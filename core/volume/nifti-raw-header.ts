/** Bytes that decide the version and the byte order: the first field of every header. */
export const NIFTI_SIGNATURE_BYTES = 4;

/** What the first four bytes of a NIfTI file tell. */
export interface NiftiSignature {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  readonly headerBytes: 348 | 540;
}

/** Version and byte order of a header by its first four bytes (fewer: null), or null for no NIfTI file. */
export function niftiSignature(head: Uint8Array): NiftiSignature | null {
  if (head.length < NIFTI_SIGNATURE_BYTES) return null;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  for (const littleEndian of [true, false]) {
    const size = view.getInt32(0, littleEndian);
    if (size === 348) return { version: 1, littleEndian, headerBytes: 348 };
    if (size === 540) return { version: 2, littleEndian, headerBytes: 540 };
  }
  return null;
}

/** The fields of a header that we use, as they stand in the file: nothing is checked yet. */
export interface RawHeader {
  readonly magic: string;
  readonly dim: readonly number[];
  readonly datatype: number;
  readonly pixdim: readonly number[];
  readonly voxOffset: number;
  readonly slope: number;
  readonly intercept: number;
  readonly units: number;
  readonly qformCode: number;
  readonly sformCode: number;
  /** b, c, d and the three offsets. */
  readonly quaternion: readonly number[];
  readonly srow: readonly number[];
  readonly hasText: boolean;
}

/** Reads the fields of a header whose `signature` is known; `bytes` must hold `signature.headerBytes`. */
export function readRawHeader(bytes: Uint8Array, signature: NiftiSignature): RawHeader {
  return signature.version === 1
    ? readV1(bytes, signature.littleEndian)
    : readV2(bytes, signature.littleEndian);
}

/** Offsets of nifti1.h. */
function readV1(bytes: Uint8Array, littleEndian: boolean): RawHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const i16 = (at: number): number => view.getInt16(at, littleEndian);
  const f32 = (at: number): number => view.getFloat32(at, littleEndian);
  const many = (count: number, read: (index: number) => number): number[] =>
    Array.from({ length: count }, (_, index) => read(index));
  return {
    magic: latin1(bytes, 344, 4),
    dim: many(8, (index) => i16(40 + 2 * index)),
    datatype: i16(70),
    pixdim: many(8, (index) => f32(76 + 4 * index)),
    voxOffset: f32(108),
    slope: f32(112),
    intercept: f32(116),
    units: bytes[123]!,
    qformCode: i16(252),
    sformCode: i16(254),
    quaternion: many(6, (index) => f32(256 + 4 * index)),
    srow: many(12, (index) => f32(280 + 4 * index)),
    // data_type and db_name; descrip and aux_file; intent_name.
    hasText: hasText(bytes, [[4, 28], [148, 104], [328, 16]]), // prettier-ignore
  };
}

/** Offsets of nifti2.h. */
function readV2(bytes: Uint8Array, littleEndian: boolean): RawHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const i64 = (at: number): number => Number(view.getBigInt64(at, littleEndian));
  const f64 = (at: number): number => view.getFloat64(at, littleEndian);
  const many = (count: number, read: (index: number) => number): number[] =>
    Array.from({ length: count }, (_, index) => read(index));
  return {
    magic: latin1(bytes, 4, 8),
    dim: many(8, (index) => i64(16 + 8 * index)),
    datatype: view.getInt16(12, littleEndian),
    pixdim: many(8, (index) => f64(104 + 8 * index)),
    voxOffset: i64(168),
    slope: f64(176),
    intercept: f64(184),
    units: view.getInt32(500, littleEndian),
    qformCode: view.getInt32(344, littleEndian),
    sformCode: view.getInt32(348, littleEndian),
    quaternion: many(6, (index) => f64(352 + 8 * index)),
    srow: many(12, (index) => f64(400 + 8 * index)),
    // descrip and aux_file; intent_name.
    hasText: hasText(bytes, [[240, 104], [508, 16]]), // prettier-ignore
  };
}

function latin1(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

function hasText(bytes: Uint8Array, fields: readonly (readonly [at: number, length: number])[]): boolean {
  return fields.some(([at, length]) => bytes.subarray(at, at + length).some((byte) => byte !== 0));
}
