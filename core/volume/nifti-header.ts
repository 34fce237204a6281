import { HpbError, type ErrorCode, type ErrorDetails } from '../errors.ts';
import { affineFromQuaternion, type Vec3 } from './nifti-affine.ts';
import { niftiDatatype, type NiftiDatatype } from './nifti-datatypes.ts';
import {
  NIFTI_SIGNATURE_BYTES,
  niftiSignature,
  readRawHeader,
  type NiftiSignature,
  type RawHeader,
} from './nifti-raw-header.ts';
import { determinant3, spacingOf, voxelCount, type Affine, type Dims, type Grid } from './volume.ts';

/**
 * What in a readable header makes common readers disagree (nibabel against ITK), or holds what should not travel
 * on: a file with one of these is rewritten with a header of our own before the engines read it.
 */
export type HeaderOddity =
  | 'nifti-2' // ITK does not read it
  | 'extra-dimensions' // a fourth axis of length 1, which ITK keeps
  | 'extension'
  | 'text' // free text: possibly patient data
  | 'qform-invalid'
  | 'scaling-ignored' // slope 0 or not finite beside an intercept, which ITK applies and nibabel does not
  | 'units-not-mm'; // ITK scales the spacing, nibabel does not

/** A NIfTI header that was checked completely; nothing in it is free text of the file. */
export interface NiftiHeader {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  /** Dimensions with the affine that counts: the sform when its code is > 0, else the qform. RAS+ mm. */
  readonly grid: Grid;
  readonly affineFrom: 'sform' | 'qform';
  /** The affine of either form whose code is > 0 and whose numbers are valid, else null. */
  readonly qform: Affine | null;
  readonly sform: Affine | null;
  readonly datatype: NiftiDatatype;
  /** Value = slope * stored + intercept; 1 and 0 where the file says that there is no scaling. */
  readonly slope: number;
  readonly intercept: number;
  readonly voxOffset: number;
  /** Bytes of the voxels as stored. */
  readonly voxelBytes: number;
  readonly oddities: readonly HeaderOddity[];
}

/** Limits of what a reader accepts. */
export interface NiftiLimits {
  /** Most bytes of voxels as stored; the default is 2 GiB (512 x 512 x 4096 of int16). */
  readonly maxBytes: number;
}

/** The limits when none are given. */
export const DEFAULT_NIFTI_LIMITS: NiftiLimits = { maxBytes: 2 ** 31 };

const MAX_VOX_OFFSET = 64 * 2 ** 20;
const SPACING_LIMITS_MM = [1e-3, 100] as const;
const UNITS = { unknown: 0, mm: 2 } as const;
const MIN_DETERMINANT = 1e-12;
const RESAVE = 'Save the CT again with a current tool, for example `dcm2niix` from its DICOM series.';

/**
 * Checks and reads the header of a NIfTI-1 or NIfTI-2 single file (`.nii`) in either byte order from its first
 * bytes (at least 348 or 540, as `niftiSignature` says). Extensions are never looked at. Nothing is allocated by
 * what the header says. Throws `HpbError` with a `NIFTI_*` code.
 */
export function parseNiftiHeader(bytes: Uint8Array, limits: NiftiLimits = DEFAULT_NIFTI_LIMITS): NiftiHeader {
  const signature = niftiSignature(bytes);
  if (bytes.length < (signature?.headerBytes ?? NIFTI_SIGNATURE_BYTES))
    throw bad('NIFTI_SHORT_HEADER', `The file holds ${bytes.length} bytes, less than a NIfTI header.`, {
      bytes: bytes.length,
    });
  if (signature === null)
    throw new HpbError('NIFTI_NOT_NIFTI', 'The file does not start with a NIfTI header.', {
      remedy: 'Give a CT as .nii or .nii.gz. A DICOM series becomes one with `dcm2niix -z y -o OUT FOLDER`.',
    });
  const raw = readRawHeader(bytes, signature);
  checkMagic(raw.magic, signature.version);
  const dims = checkDims(raw.dim);
  const datatype = checkDatatype(raw.datatype);
  const voxelBytes = voxelCount(dims) * datatype.bytes;
  checkSize(dims, voxelBytes, limits);
  checkVoxOffset(raw.voxOffset, signature.version);
  const spacing = checkSpacing(raw.pixdim);
  const forms = readForms(raw, spacing);
  const scaling = checkScaling(raw.slope, raw.intercept);
  return {
    version: signature.version,
    littleEndian: signature.littleEndian,
    grid: { dims, affine: forms.affine },
    affineFrom: forms.sform === null ? 'qform' : 'sform',
    qform: forms.qform,
    sform: forms.sform,
    datatype,
    slope: scaling.slope,
    intercept: scaling.intercept,
    voxOffset: raw.voxOffset,
    voxelBytes,
    oddities: [...odditiesOf(raw, signature), ...forms.oddities, ...scaling.oddities],
  };
}

function odditiesOf(raw: RawHeader, signature: NiftiSignature): HeaderOddity[] {
  const units = raw.units & 7;
  const oddities: readonly (HeaderOddity | false)[] = [
    signature.version === 2 && 'nifti-2',
    raw.dim[0]! > 3 && 'extra-dimensions',
    raw.voxOffset > signature.headerBytes + 4 && 'extension',
    raw.hasText && 'text',
    units !== UNITS.unknown && units !== UNITS.mm && 'units-not-mm',
  ];
  return oddities.filter((oddity) => oddity !== false);
}

function bad(code: ErrorCode, message: string, details: ErrorDetails, remedy = RESAVE): HpbError {
  return new HpbError(code, message, { remedy, details });
}

function checkMagic(magic: string, version: 1 | 2): void {
  if (magic.startsWith(`ni${version}\0`))
    throw bad(
      'NIFTI_PAIR_FILE',
      'The header belongs to a pair of files (.hdr and .img).',
      {},
      'Convert the pair to one .nii.gz file.',
    );
  const expected = version === 1 ? 'n+1\0' : 'n+2\0\r\n\x1a\n';
  if (magic !== expected)
    throw bad(
      'NIFTI_BAD_MAGIC',
      `The header has no NIfTI-${version} magic; it may be Analyze 7.5 or damaged.`,
      {
        version,
      },
    );
}

function checkDims(dim: readonly number[]): Dims {
  const rank = dim[0]!;
  if (!(rank >= 1 && rank <= 7))
    throw bad('NIFTI_BAD_DIMS', `The header says ${rank} dimensions; it can be 1 to 7.`, { rank });
  const used = dim.slice(1, rank + 1);
  if (used.some((n) => !Number.isSafeInteger(n) || n < 1))
    throw bad('NIFTI_BAD_DIMS', `The image has dimensions ${used.join(' x ')}.`, { dims: used });
  if (rank < 3 || used.slice(3).some((n) => n !== 1))
    throw bad(
      'NIFTI_NOT_3D',
      `The image has dimensions ${used.join(' x ')}; a CT is one 3-D volume.`,
      { dims: used },
      'Give one volume: split a series over time, or convert a single 2-D picture from its full DICOM series.',
    );
  return [used[0]!, used[1]!, used[2]!];
}

function checkDatatype(code: number): NiftiDatatype {
  const datatype = niftiDatatype(code);
  if (datatype !== undefined) return datatype;
  throw bad(
    'NIFTI_BAD_DATATYPE',
    `The voxels have NIfTI datatype ${code}; we read 8- to 64-bit numbers only.`,
    {
      datatype: code,
    },
  );
}

function checkSize(dims: Dims, voxelBytes: number, { maxBytes }: NiftiLimits): void {
  if (voxelBytes <= maxBytes) return;
  throw bad(
    'NIFTI_TOO_LARGE',
    `The header promises ${dims.join(' x ')} voxels, ${voxelBytes} bytes; the limit is ${maxBytes}.`,
    { dims, bytes: voxelBytes, limit: maxBytes },
    'If the CT really is this large, crop it to the abdomen or store it as int16.',
  );
}

function checkVoxOffset(voxOffset: number, version: 1 | 2): void {
  const least = version === 1 ? 352 : 544;
  if (Number.isInteger(voxOffset) && voxOffset >= least && voxOffset < MAX_VOX_OFFSET) return;
  throw bad(
    'NIFTI_BAD_VOX_OFFSET',
    `The voxels are said to start at byte ${voxOffset}; that is ${least} or a little more.`,
    {
      voxOffset: finite(voxOffset),
    },
  );
}

function checkSpacing(pixdim: readonly number[]): Vec3 {
  const spacing: Vec3 = [pixdim[1]!, pixdim[2]!, pixdim[3]!];
  if (spacing.every(isSpacing)) return spacing;
  throw bad('NIFTI_BAD_SPACING', `The voxels measure ${spacing.join(' x ')} mm in the header (pixdim).`, {});
}

const isSpacing = (mm: number): boolean => mm >= SPACING_LIMITS_MM[0] && mm <= SPACING_LIMITS_MM[1];
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

interface Forms {
  readonly qform: Affine | null;
  readonly sform: Affine | null;
  readonly affine: Affine;
  readonly oddities: readonly HeaderOddity[];
}

function readForms(raw: RawHeader, spacing: Vec3): Forms {
  if (raw.sformCode <= 0 && raw.qformCode <= 0)
    throw bad(
      'NIFTI_NO_ORIENTATION',
      'The header does not say how the voxels lie in the patient (qform and sform code 0).',
      {
        qformCode: raw.qformCode,
        sformCode: raw.sformCode,
      },
    );
  const [b, c, d, x, y, z] = raw.quaternion as [number, number, number, number, number, number];
  const rotation = { bcd: [b, c, d], qfac: raw.pixdim[0]! < 0 ? -1 : 1 } as const;
  const qform = raw.qformCode > 0 ? affineFromQuaternion(rotation, spacing, [x, y, z]) : null;
  const sform = raw.sformCode > 0 ? [...raw.srow, 0, 0, 0, 1] : null;
  const affine = sform ?? qform;
  const form = sform === null ? 'qform' : 'sform';
  checkAffine(affine, form);
  return { qform, sform, affine, oddities: raw.qformCode > 0 && qform === null ? ['qform-invalid'] : [] };
}

function checkAffine(affine: Affine | null, form: 'sform' | 'qform'): asserts affine is Affine {
  if (affine === null || !affine.every(Number.isFinite))
    throw bad('NIFTI_BAD_AFFINE', `The ${form} of the header is not a valid affine.`, { form });
  const edges = spacingOf(affine);
  if (!edges.every(isSpacing))
    throw bad('NIFTI_BAD_AFFINE', `The ${form} says that a voxel measures ${edges.join(' x ')} mm.`, {
      form,
      spacing: edges,
    });
  const volume = Math.abs(determinant3(affine));
  if (!(volume > MIN_DETERMINANT && volume > 1e-4 * edges[0] * edges[1] * edges[2]))
    throw bad('NIFTI_BAD_AFFINE', `The ${form} is degenerate: its voxel axes lie in one plane.`, { form });
}

interface Scaling {
  readonly slope: number;
  readonly intercept: number;
  readonly oddities: readonly HeaderOddity[];
}

/** nifti1.h: a slope of 0 means no scaling at all. nibabel refuses what we refuse. */
function checkScaling(slope: number, intercept: number): Scaling {
  if (slope === 0 || !Number.isFinite(slope)) {
    const ignored = Number.isFinite(intercept) && intercept !== 0;
    return { slope: 1, intercept: 0, oddities: ignored ? ['scaling-ignored'] : [] };
  }
  if (!Number.isFinite(intercept))
    throw bad('NIFTI_BAD_SCALING', `The header scales voxels by ${slope} but has no finite intercept.`, {
      slope,
    });
  return { slope, intercept, oddities: [] };
}
