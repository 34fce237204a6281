import { HpbError, type ErrorDocument } from '../errors.ts';
import type { HuStats } from './hu-stats.ts';
import {
  intensityFacts,
  intensityProblem,
  intensityWarning,
  type IntensityFacts,
} from './intensity-check.ts';
import type { HeaderOddity, NiftiHeader } from './nifti-header.ts';
import {
  AFFINE_TOLERANCE,
  affinesAgree,
  axisCodes,
  cornerDistanceMm,
  MAX_SHEAR,
  shearOf,
} from './orientation.ts';
import { spacingOf, type Dims, type Grid } from './volume.ts';

/** What a scan is, as read; safe to print and to store. */
export interface ScanFacts {
  readonly dims: Dims;
  readonly spacingMm: readonly [number, number, number];
  /** Axis codes, such as `LAS`. */
  readonly orientation: string;
  readonly datatype: string;
  readonly scaling: { readonly slope: number; readonly intercept: number };
  readonly oddities: readonly HeaderOddity[];
  /** HU; null when the voxels were not looked at. */
  readonly intensity: IntensityFacts | null;
  /** Peak bytes that each model asked about would need. */
  readonly memoryNeeded: Readonly<Record<string, number>>;
}

/** Whether a scan is fit to run, and everything found. */
export interface ScanVerdict {
  /** No problems; warnings do not count. */
  readonly fit: boolean;
  readonly problems: readonly ErrorDocument[];
  readonly warnings: readonly ErrorDocument[];
  /**
   * The file must be rewritten with our own header (the affine of `header.grid`) before the engines read it:
   * its forms disagree or one is missing, or the header holds what readers treat differently or what should not
   * travel on.
   */
  readonly canonicalHeaderNeeded: boolean;
  readonly facts: ScanFacts;
}

export interface ScanCheckOptions {
  /** Of the voxels (`huStats`); without it only the header is judged. */
  readonly stats?: HuStats;
  readonly memory?: {
    /** Model id -> peak bytes for a grid. */
    readonly needed: Readonly<Record<string, (grid: Grid) => number>>;
    /** Peak bytes of the whole case: worker, engine, and what its models keep of each other. */
    readonly neededForCase?: (grid: Grid) => number;
    readonly presentBytes: number;
  };
}

const LEAST_SLICES = 10;
/** The reader takes 0.001 to 100 mm; a CT of a person is within this. */
const SPACING_MM = { least: 0.2, most: 10 } as const;
/** A liver measures 100 to 200 mm along each axis. */
const SHORT_EXTENT_MM = 100;
const MEMORY_WARNING_SHARE = 0.8;

/** Judges whether a CT can be segmented, by its header and, when given, its voxels and the memory present. */
export function checkScan(header: NiftiHeader, options: ScanCheckOptions = {}): ScanVerdict {
  const { grid } = header;
  const { stats, memory } = options;
  const needed = Object.entries(memory?.needed ?? {}).map(([model, bytes]) => [model, bytes(grid)] as const);
  const memoryFindings = memory === undefined ? [] : findMemory(needed, memory, grid);
  const intensity = stats === undefined ? null : intensityProblem(stats);
  const disagreement = formsDisagree(header);
  const problems = [
    tooFewSlices(grid),
    spacingProblem(grid),
    shearProblem(grid),
    intensity,
    ...memoryFindings.map((finding) => finding.refused ?? null),
  ];
  const warnings = [
    disagreement,
    tooSmall(grid),
    stats === undefined || intensity !== null ? null : intensityWarning(stats),
    ...memoryFindings.map((finding) => finding.warning ?? null),
  ];
  const documents = (found: readonly (HpbError | null)[]): ErrorDocument[] =>
    found.filter((error) => error !== null).map((error) => error.toDocument());
  return {
    fit: problems.every((problem) => problem === null),
    problems: documents(problems),
    warnings: documents(warnings),
    canonicalHeaderNeeded:
      disagreement !== null || header.sform === null || header.qform === null || header.oddities.length > 0,
    facts: {
      ...headerFacts(header),
      memoryNeeded: Object.fromEntries(needed),
      intensity: stats === undefined ? null : intensityFacts(stats),
    },
  };
}

function headerFacts(header: NiftiHeader): Omit<ScanFacts, 'intensity' | 'memoryNeeded'> {
  const { grid, datatype, slope, intercept, oddities } = header;
  return {
    dims: grid.dims,
    spacingMm: spacingOf(grid.affine),
    orientation: axisCodes(grid.affine),
    datatype: datatype.name,
    scaling: { slope, intercept },
    oddities,
  };
}

const DIRECTIONS: Readonly<Record<string, string>> = {
  R: 'left to right',
  L: 'right to left',
  A: 'back to front',
  P: 'front to back',
  S: 'feet to head',
  I: 'head to feet',
};

function axisName(grid: Grid, axis: number): string {
  return `${'ijk'[axis]} (${DIRECTIONS[axisCodes(grid.affine)[axis]!]})`;
}

function tooFewSlices(grid: Grid): HpbError | null {
  const axis = grid.dims.indexOf(Math.min(...grid.dims));
  const n = grid.dims[axis]!;
  if (n >= LEAST_SLICES) return null;
  const slices = n === 1 ? 'one slice' : `${n} slices`;
  return new HpbError(
    'CT_TOO_FEW_SLICES',
    `The CT has only ${slices} along ${axisName(grid, axis)}; at least ${LEAST_SLICES} are needed.`,
    {
      remedy: 'Give the whole series. A scout or a single picture cannot be segmented.',
      details: { dims: grid.dims, axis },
    },
  );
}

function spacingProblem(grid: Grid): HpbError | null {
  const spacing = spacingOf(grid.affine);
  const axis = spacing.findIndex((mm) => mm < SPACING_MM.least || mm > SPACING_MM.most);
  if (axis < 0) return null;
  return new HpbError(
    'NIFTI_BAD_SPACING',
    `The voxels measure ${round(spacing[axis]!)} mm along ${axisName(grid, axis)}; a CT has ${SPACING_MM.least} to ${SPACING_MM.most} mm.`,
    {
      remedy: 'Check the unit of the spacing (it must be mm), or convert again from DICOM.',
      details: { spacing },
    },
  );
}

function shearProblem({ affine }: Grid): HpbError | null {
  const shear = shearOf(affine);
  if (shear <= MAX_SHEAR) return null;
  const degrees = (Math.asin(Math.min(1, shear)) * 180) / Math.PI;
  return new HpbError(
    'CT_SHEARED',
    `The voxel axes are ${degrees.toFixed(2)} degrees off a right angle (gantry tilt), which the engines cannot represent.`,
    {
      remedy:
        'Convert again from DICOM with `dcm2niix`, which corrects the tilt and writes a file named ..._Tilt, or resample the CT to a rectangular grid.',
      details: { shear },
    },
  );
}

function formsDisagree({ grid, qform, sform }: NiftiHeader): HpbError | null {
  if (qform === null || sform === null || affinesAgree(grid, qform)) return null;
  const distance = cornerDistanceMm(grid.dims, sform, qform);
  return new HpbError(
    'CT_AFFINES_DISAGREE',
    `qform and sform of the header place the CT up to ${round(distance)} mm apart; the sform is used.`,
    {
      remedy:
        'Check left and right and the spacing in the result, or save the CT again with one orientation.',
      details: {
        distanceMm: distance,
        toleranceMm: AFFINE_TOLERANCE.mm,
        spacingTolerance: AFFINE_TOLERANCE.relative,
      },
    },
  );
}

function tooSmall(grid: Grid): HpbError | null {
  const spacing = spacingOf(grid.affine);
  const extents = grid.dims.map((n, axis) => n * spacing[axis]!);
  const axis = extents.indexOf(Math.min(...extents));
  if (extents[axis]! >= SHORT_EXTENT_MM) return null;
  return new HpbError(
    'CT_TOO_SMALL',
    `The CT covers only ${round(extents[axis]!)} mm along ${axisName(grid, axis)}, less than a liver.`,
    { remedy: 'Expect organs cut at the border, or give the whole scan.', details: { extentsMm: extents } },
  );
}

interface MemoryFinding {
  readonly refused?: HpbError;
  readonly warning?: HpbError;
}

/** A model that alone is too much is named; else the case as a whole is judged. */
function findMemory(
  needed: readonly (readonly [model: string, bytes: number])[],
  { neededForCase, presentBytes }: NonNullable<ScanCheckOptions['memory']>,
  grid: Grid,
): readonly MemoryFinding[] {
  const ofModels = needed
    .map(([model, bytes]) => memoryFinding(`The model ${model}`, { model, bytes }, presentBytes))
    .filter((finding) => finding !== null);
  if (neededForCase === undefined || ofModels.some(({ refused }) => refused !== undefined)) return ofModels;
  const model = needed.map(([id]) => id).join(' + ');
  const ofCase = memoryFinding(`The case (${model})`, { model, bytes: neededForCase(grid) }, presentBytes);
  return ofCase === null ? [] : [ofCase];
}

function memoryFinding(
  what: string,
  { model, bytes }: { readonly model: string; readonly bytes: number },
  present: number,
): MemoryFinding | null {
  if (bytes <= MEMORY_WARNING_SHARE * present) return null;
  const refused = bytes > present;
  const error = new HpbError(
    'CT_EXCEEDS_MEMORY',
    `${what} needs about ${gigabytes(bytes)} GB of memory for this CT; ${gigabytes(present)} GB are there${refused ? '' : ', which may just do'}.`,
    {
      remedy: 'Crop the CT to the abdomen, choose the fast variant, or use a machine with more memory.',
      details: { model, needed: bytes, present },
    },
  );
  return refused ? { refused: error } : { warning: error };
}

const round = (mm: number): number => Math.round(mm * 1000) / 1000;
const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
