import type { VoxelArray } from './volume.ts';

/** How voxels are stored; the names are numpy's. */
export interface NiftiDatatype {
  readonly code: number;
  readonly name:
    'uint8' | 'int16' | 'int32' | 'float32' | 'float64' | 'int8' | 'uint16' | 'uint32' | 'int64' | 'uint64';
  readonly bytes: 1 | 2 | 4 | 8;
}

/** The datatypes we read, by their NIfTI code; colour and complex types are refused. */
export const NIFTI_DATATYPES: readonly NiftiDatatype[] = [
  { code: 2, name: 'uint8', bytes: 1 },
  { code: 4, name: 'int16', bytes: 2 },
  { code: 8, name: 'int32', bytes: 4 },
  { code: 16, name: 'float32', bytes: 4 },
  { code: 64, name: 'float64', bytes: 8 },
  { code: 256, name: 'int8', bytes: 1 },
  { code: 512, name: 'uint16', bytes: 2 },
  { code: 768, name: 'uint32', bytes: 4 },
  { code: 1024, name: 'int64', bytes: 8 },
  { code: 1280, name: 'uint64', bytes: 8 },
];

/** The datatype with a NIfTI code, or undefined when we do not read it. */
export function niftiDatatype(code: number): NiftiDatatype | undefined {
  return NIFTI_DATATYPES.find((datatype) => datatype.code === code);
}

/** The datatype that stores the elements of `data` as they are. */
export function datatypeOf(data: VoxelArray): NiftiDatatype {
  const name = data.constructor.name.replace('Array', '').toLowerCase();
  return NIFTI_DATATYPES.find((datatype) => datatype.name === name)!;
}
