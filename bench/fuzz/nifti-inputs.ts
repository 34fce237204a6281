import * as fc from 'fast-check';
import { NIFTI_DATATYPES, niftiDatatype } from '../../core/volume/nifti-datatypes.ts';
import { damage, damaged, type Damage } from './damage.ts';
import { gzipWrap, wrapped, type GzipWrap } from './gzip-wrap.ts';
import { FIELD_NAMES, writeField, type FieldName, type HeaderForm } from './nifti-fields.ts';

/** A number of the header that is not what it was. */
interface Twist {
  readonly field: FieldName;
  readonly index: number;
  readonly value: number;
}

/** A valid header as numbers. */
interface MadeHeader extends HeaderForm {
  readonly dims: readonly [number, number, number];
  readonly extraAxes: number;
  readonly datatype: number;
  readonly scaling: readonly [slope: number, intercept: number];
  readonly spacing: readonly [number, number, number];
  readonly qfac: number;
  readonly forms: readonly [qform: number, sform: number];
  readonly quaternion: readonly [number, number, number];
  readonly offset: readonly [number, number, number];
  readonly shear: number;
  /** Bytes between the header and the voxels, beyond the four that are always there. */
  readonly gap: number;
  readonly units: number;
  readonly text: boolean;
  readonly values: 'small' | 'any';
  readonly seed: number;
}

/** How one NIfTI input of the corpus is made; the same recipe gives the same bytes. */
export interface NiftiRecipe {
  readonly header: MadeHeader;
  /** Uses this one of the real files, modulo their count, instead of `header`. */
  readonly real: number | null;
  readonly twists: readonly Twist[];
  /** Bytes of voxels that are missing (negative) or too many. */
  readonly excess: number;
  readonly gzip: GzipWrap | null;
  readonly damage: readonly Damage[];
}

/** Numbers at which rules change, and beyond them. */
const EDGES: readonly number[] = [
  0,
  -0,
  1,
  -1,
  2,
  3,
  4,
  7,
  8,
  9,
  16,
  64,
  128,
  512,
  2304,
  0.5,
  1e-4,
  1e-3,
  0.000999,
  99.99,
  100,
  100.01,
  348,
  352,
  352.5,
  353,
  368,
  540,
  544,
  1e-30,
  1e9,
  -1e9,
  32767,
  -32768,
  65535,
  2 ** 26,
  2 ** 31,
  2 ** 40,
  2 ** 53,
  3e38,
  NaN,
  Infinity,
  -Infinity,
];

/** Mostly of a usual size: doubles of fast-check are tiny as often as not. */
const between = (min: number, max: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.nat(100_000).map((part) => min + ((max - min) * part) / 100_000) },
    { weight: 1, arbitrary: fc.double({ min, max, noNaN: true }) },
  );
const triple = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<[T, T, T]> => fc.tuple(one, one, one);

/** b, c, d of a rotation: within the unit ball, on its surface (a half turn), or no turn. */
const rotation = fc.oneof(
  fc.constantFrom<[number, number, number]>([0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0], [0.5, 0.5, 0.5]),
  fc.tuple(triple(between(-1, 1)), fc.oneof(between(0, 0.99), fc.constant(1))).map(([bcd, length]) => {
    const norm = Math.hypot(...bcd) || 1;
    return bcd.map((part) => (part / norm) * length) as [number, number, number];
  }),
);

const header: fc.Arbitrary<MadeHeader> = fc.record({
  version: fc.constantFrom(1, 1, 1, 2),
  littleEndian: fc.constantFrom(true, true, false),
  dims: triple(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(1))),
  extraAxes: fc.constantFrom(0, 0, 0, 1, 2, 4),
  datatype: fc.constantFrom(...NIFTI_DATATYPES.map(({ code }) => code)),
  scaling: fc.oneof(
    fc.constantFrom<[number, number]>([1, 0], [0, 0], [NaN, 0], [0, 5], [2, -1024], [-1, 0], [Infinity, NaN]),
    fc.tuple(between(-10, 10), between(-2000, 2000)),
  ),
  spacing: triple(fc.oneof(between(0.002, 50), fc.constantFrom(0.7, 1, 1.5, 5))),
  qfac: fc.constantFrom(1, 1, -1, 0),
  forms: fc.constantFrom([1, 1], [1, 0], [0, 1], [2, 4], [4, 0], [0, 3], [1, 0]),
  quaternion: rotation,
  offset: triple(between(-900, 900)),
  shear: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: between(-1, 1) }),
  gap: fc.constantFrom(0, 0, 0, 0, 1, 16, 32, 5000, 2 ** 20),
  units: fc.constantFrom(0, 2, 2, 1, 3, 10),
  text: fc.boolean(),
  values: fc.constantFrom('small', 'small', 'any'),
  seed: fc.nat(),
});

const twist: fc.Arbitrary<Twist> = fc.record({
  field: fc.constantFrom(...FIELD_NAMES),
  index: fc.nat(11),
  value: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...EDGES) },
    { weight: 1, arbitrary: fc.double() },
    { weight: 1, arbitrary: fc.integer({ min: -300, max: 40_000 }) },
  ),
});

/** None mostly, so that a good part of the corpus is valid; else one or a few. */
const rarely = <T>(one: fc.Arbitrary<T>, none: number, maxLength: number): fc.Arbitrary<readonly T[]> =>
  fc.oneof(
    { weight: none, arbitrary: fc.constant([]) },
    { weight: 10 - none, arbitrary: fc.array(one, { minLength: 1, maxLength }) },
  );

/** Recipes of NIfTI inputs. */
export const niftiRecipe: fc.Arbitrary<NiftiRecipe> = fc.record({
  header,
  real: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(1000) }),
  twists: rarely(twist, 6, 3),
  excess: fc.oneof(
    { weight: 14, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(-1, 1, -7, 100, -100, 65_537, 200_000) },
  ),
  gzip: fc.option(gzipWrap, { freq: 3 }),
  damage: rarely(damage, 8, 3),
});

/** The bytes of an input; `real`: uncompressed files that recipes may start from. */
export function niftiBytes(recipe: NiftiRecipe, real: readonly Buffer[]): Buffer {
  const chosen = recipe.real === null || real.length === 0 ? null : real[recipe.real % real.length]!;
  const file = chosen === null ? madeFile(recipe.header) : Buffer.from(chosen);
  const form: HeaderForm = chosen === null ? recipe.header : { version: 1, littleEndian: true };
  for (const { field, index, value } of recipe.twists) writeField(file, form, [field, index], value);
  const sized =
    recipe.excess < 0 ? file.subarray(0, recipe.excess) : Buffer.concat([file, Buffer.alloc(recipe.excess)]);
  return damaged(recipe.gzip === null ? sized : wrapped(sized, recipe.gzip), recipe.damage);
}

function madeFile(made: MadeHeader): Buffer {
  const { version, dims, datatype, gap, seed, values } = made;
  const start = (version === 1 ? 352 : 544) + gap;
  const { bytes } = niftiDatatype(datatype)!;
  const file = Buffer.alloc(start + dims[0] * dims[1] * dims[2] * bytes);
  writeHeader(file, made, start);
  fillVoxels(file.subarray(start), seed, values === 'small' ? bytes : null, made.littleEndian);
  return file;
}

function writeHeader(file: Buffer, made: MadeHeader, start: number): void {
  const put = (name: FieldName, ...numbers: readonly number[]): void =>
    numbers.forEach((value, index) => writeField(file, made, [name, index], value));
  const { version, dims, extraAxes, spacing, offset, shear } = made;
  put('sizeofHdr', version === 1 ? 348 : 540);
  const magic = version === 1 ? 'n+1\0' : 'n+2\0\r\n\x1a\n';
  file.write(magic, version === 1 ? 344 : 4, 'latin1');
  put('dim', 3 + extraAxes, ...dims, 1, 1, 1, 1);
  put('datatype', made.datatype);
  put('bitpix', 8 * niftiDatatype(made.datatype)!.bytes);
  put('pixdim', made.qfac, ...spacing, 1, 1, 1, 1);
  put('voxOffset', start);
  put('slope', made.scaling[0]);
  put('intercept', made.scaling[1]);
  put('units', made.units);
  put('qformCode', made.forms[0]);
  put('sformCode', made.forms[1]);
  put('quaternion', ...made.quaternion, ...offset);
  const [x, y, z] = spacing;
  put('srow', -x, shear * y * 0.5, 0, offset[0], 0, y, shear * z * 0.2, offset[1], 0, 0, z, offset[2]);
  if (made.text) file.write('DOE^JANE 1970', version === 1 ? 148 : 240, 'latin1');
}

/** Small numbers of `bytes` each in the byte order of the file, or any bytes at all. */
function fillVoxels(voxels: Buffer, seed: number, bytes: number | null, littleEndian: boolean): void {
  let state = seed | 1;
  for (let at = 0; at < voxels.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    const place = at % (bytes ?? 1);
    const low = littleEndian ? place === 0 : place === (bytes ?? 1) - 1;
    voxels[at] = bytes === null || low ? state >>> 24 : 0;
  }
}
