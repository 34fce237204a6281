/** How a number of a header is stored. */
type Kind = 'u8' | 'i16' | 'i32' | 'i64' | 'f32' | 'f64';

interface Place {
  readonly at: number;
  readonly kind: Kind;
}

interface Field {
  readonly v1: Place;
  readonly v2: Place;
  readonly count: number;
}

const field = (v1: readonly [number, Kind], v2: readonly [number, Kind], count = 1): Field => ({
  v1: { at: v1[0], kind: v1[1] },
  v2: { at: v2[0], kind: v2[1] },
  count,
});

/** Fields of NIfTI-1 and NIfTI-2 headers that decide anything, as nifti1.h and nifti2.h place them. */
export const FIELDS = {
  sizeofHdr: field([0, 'i32'], [0, 'i32']),
  dim: field([40, 'i16'], [16, 'i64'], 8),
  datatype: field([70, 'i16'], [12, 'i16']),
  bitpix: field([72, 'i16'], [14, 'i16']),
  pixdim: field([76, 'f32'], [104, 'f64'], 8),
  voxOffset: field([108, 'f32'], [168, 'i64']),
  slope: field([112, 'f32'], [176, 'f64']),
  intercept: field([116, 'f32'], [184, 'f64']),
  units: field([123, 'u8'], [500, 'i32']),
  qformCode: field([252, 'i16'], [344, 'i32']),
  sformCode: field([254, 'i16'], [348, 'i32']),
  quaternion: field([256, 'f32'], [352, 'f64'], 6),
  srow: field([280, 'f32'], [400, 'f64'], 12),
  magic: field([344, 'u8'], [4, 'u8'], 4),
} as const satisfies Readonly<Record<string, Field>>;

export type FieldName = keyof typeof FIELDS;
export const FIELD_NAMES = Object.keys(FIELDS) as readonly FieldName[];

/** Version and byte order of a header. */
export interface HeaderForm {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
}

/** Writes one number of a field, wrapped to what its type holds; `index` counts from 0 and wraps as well. */
export function writeField(
  file: Buffer,
  { version, littleEndian }: HeaderForm,
  [name, index]: readonly [FieldName, number],
  value: number,
): void {
  const { v1, v2, count } = FIELDS[name];
  const { at, kind } = version === 1 ? v1 : v2;
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const bytes = { u8: 1, i16: 2, i32: 4, i64: 8, f32: 4, f64: 8 }[kind];
  const place = at + bytes * (index % count);
  if (place + bytes > file.length) return;
  if (kind === 'f32') view.setFloat32(place, value, littleEndian);
  else if (kind === 'f64') view.setFloat64(place, value, littleEndian);
  else if (kind === 'i64') view.setBigInt64(place, BigInt.asIntN(64, BigInt(whole(value))), littleEndian);
  else if (kind === 'i32') view.setInt32(place, whole(value), littleEndian);
  else if (kind === 'i16') view.setInt16(place, whole(value), littleEndian);
  else view.setUint8(place, whole(value));
}

const whole = (value: number): number => (Number.isFinite(value) ? Math.trunc(value) : 0);
