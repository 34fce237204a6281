import { machineUsd } from './costs.ts';
import { HpbError, type ErrorDocument } from './errors.ts';
import type { CaseEstimate, Change, Way } from './estimate-answer.ts';
import { cardMemoryNeeded, T4_BYTES } from './models/card-memory.ts';
import { memoryNeededForCase } from './models/case-memory.ts';
import { calibratedCardBytes, calibratedSeconds, isOfT4, type Calibration } from './models/calibration.ts';
import { modelEntry, type ModelId } from './models/catalogue.ts';
import { memoryNeeded } from './models/memory.ts';
import { secondsNeeded } from './models/seconds.ts';
import { SIZE_TIERS, TIER_MACHINES, type ModelRun } from './plan.ts';
import { axisCodes } from './volume/orientation.ts';
import { spacingOf, type Dims, type Grid } from './volume/volume.ts';

const MIB = 2 ** 20;
/** A liver measures 100 to 200 mm from head to feet; no crop leaves less than that with some room. */
const LEAST_CROP_MM = 250;

/** A CT by its header. */
export interface EstimatedScan {
  readonly grid: Grid;
  /** What else its header says against running it. */
  readonly problems?: readonly ErrorDocument[];
}

/**
 * Whether a CT would fit and what it would take, from its header alone. Memory is that which the planner and the
 * worker go by; time and GPU memory are those of a calibration that knows all models, and cost if it is of a T4.
 *
 * @param limitBytes Memory of the largest machine that there is.
 * @param figures Of runs before; null: time, cost and GPU memory are uncalibrated.
 */
export function estimateCase(
  { grid, problems = [] }: EstimatedScan,
  run: ModelRun,
  limitBytes: number,
  figures: Calibration | null = null,
): CaseEstimate {
  const { models, options } = run;
  const memoryBytes = memoryNeededForCase(grid, models, options);
  const known = knownFigures(grid, run, figures);
  const perModel = models.map((model) => modelEstimate(grid, model, { options, figures: known }));
  const seconds = perModel.reduce((sum, one) => sum + one.seconds, 0);
  const calibrated = known !== null && isOfT4(known);
  const tooLarge = memoryBytes > limitBytes;
  const ways = tooLarge ? waysToFit(grid, run, limitBytes) : [];
  const found = tooLarge ? [...problems, refusal(run, { memoryBytes, limitBytes, ways })] : problems;
  return {
    dims: grid.dims,
    spacingMm: spacingOf(grid.affine),
    fits: found.length === 0,
    problems: found,
    memoryBytes,
    limitBytes,
    models: perModel,
    seconds,
    sizes: sizesFor(memoryBytes, calibrated ? seconds : uncalibratedSeconds(grid, run)),
    ways,
    calibrated,
    calibration: known === null ? null : { device: known.device, runs: known.runs },
  };
}

/** The calibration when it has figures of every model of the run. */
function knownFigures(
  grid: Grid,
  { models, options }: ModelRun,
  figures: Calibration | null,
): Calibration | null {
  if (figures === null) return null;
  return models.every((model) => calibratedSeconds(grid, model, { options, figures }) !== null)
    ? figures
    : null;
}

function modelEstimate(
  grid: Grid,
  model: ModelId,
  { options, figures }: { readonly options: ModelRun['options']; readonly figures: Calibration | null },
): CaseEstimate['models'][number] {
  const fitted = figures === null ? null : { options, figures };
  const cardBytes =
    (fitted && calibratedCardBytes(grid, model, fitted)) ?? cardMemoryNeeded(grid, model, options);
  return {
    model,
    memoryBytes: memoryNeeded(grid, model, options),
    cardBytes,
    cardHoldsAll: cardBytes <= T4_BYTES,
    seconds: (fitted && calibratedSeconds(grid, model, fitted)) ?? secondsNeeded(grid, model, options),
  };
}

function uncalibratedSeconds(grid: Grid, { models, options }: ModelRun): number {
  return models.reduce((sum, model) => sum + secondsNeeded(grid, model, options), 0);
}

function sizesFor(memoryBytes: number, seconds: number): CaseEstimate['sizes'] {
  return SIZE_TIERS.map(({ memoryMib }, index) => {
    const machine = TIER_MACHINES[index]!;
    const fits = memoryBytes <= memoryMib * MIB;
    return {
      machine,
      memoryBytes: memoryMib * MIB,
      fits,
      onDemandUsd: fits ? machineUsd(machine, 'onDemand', seconds) : null,
      spotUsd: fits ? machineUsd(machine, 'spot', seconds) : null,
    };
  });
}

/** Fewest changes first. */
const COMBINATIONS: readonly (readonly Change[])[] = [
  ['fast'],
  ['split'],
  ['crop'],
  ['fast', 'split'],
  ['fast', 'crop'],
  ['split', 'crop'],
  ['fast', 'split', 'crop'],
];

/** The sets of changes with which the case fits; none that holds another one. */
function waysToFit(grid: Grid, run: ModelRun, limitBytes: number): readonly Way[] {
  const ways: Way[] = [];
  for (const changes of COMBINATIONS) {
    if (!changes.every((change) => isPossible(change, run))) continue;
    if (ways.some((way) => way.changes.every((change) => changes.includes(change)))) continue;
    const bytesFor = memoryWith(changes, run);
    const crop = changes.includes('crop') ? largestCrop(grid, (part) => bytesFor(part) <= limitBytes) : null;
    const memoryBytes = bytesFor(crop === null ? grid : shortened(grid, crop.axis, crop.slices));
    if (memoryBytes <= limitBytes) ways.push({ changes, memoryBytes, crop });
  }
  return ways;
}

function isPossible(change: Change, { models, options }: ModelRun): boolean {
  if (change === 'split') return models.length > 1;
  return change === 'crop' || (!options.fast && models.some(hasFast));
}

function hasFast(model: ModelId): boolean {
  const { call } = modelEntry(model);
  return call.engine === 'totalsegmentator' && call.hasFast;
}

/** Peak bytes for a grid when the run is changed so; of jobs of their own, those of the largest. */
function memoryWith(changes: readonly Change[], { models, options }: ModelRun): (grid: Grid) => number {
  const changed = changes.includes('fast') ? { ...options, fast: true } : options;
  const jobs = changes.includes('split') ? models.map((model) => [model]) : [models];
  return (grid) => Math.max(...jobs.map((some) => memoryNeededForCase(grid, some, changed)));
}

/** The most slices from head to feet that fit; null when all do, or too few for a liver. */
function largestCrop(grid: Grid, fits: (part: Grid) => boolean): Way['crop'] {
  const axis = axisCodes(grid.affine).search(/[SI]/);
  const mm = spacingOf(grid.affine)[axis]!;
  const least = Math.ceil(LEAST_CROP_MM / mm);
  let [good, bad] = [least, grid.dims[axis]!];
  if (good >= bad || !fits(shortened(grid, axis, good))) return null;
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (fits(shortened(grid, axis, middle))) good = middle;
    else bad = middle;
  }
  return { axis, slices: good, extentMm: good * mm };
}

function shortened({ dims, affine }: Grid, axis: number, slices: number): Grid {
  return { dims: dims.map((n, at) => (at === axis ? slices : n)) as unknown as Dims, affine };
}

function refusal(
  { models }: ModelRun,
  { memoryBytes, limitBytes, ways }: Pick<CaseEstimate, 'memoryBytes' | 'limitBytes' | 'ways'>,
): ErrorDocument {
  const names = models.join(' + ');
  return new HpbError(
    'CT_EXCEEDS_MEMORY',
    `The case (${names}) needs about ${gigabytes(memoryBytes)} GB of memory for this CT; the largest machine has ${gigabytes(limitBytes)} GB.`,
    {
      remedy:
        ways.length === 0
          ? 'No option makes it fit: resample the CT to larger voxels, or use a machine with more memory.'
          : `It would fit so: ${ways.map(wayText).join('; or ')}.`,
      details: { model: names, needed: memoryBytes, present: limitBytes },
    },
  ).toDocument();
}

function wayText({ changes, crop }: Way): string {
  const texts: Record<Change, string> = {
    fast: "choose the fast variant (TotalSegmentator's 3 mm model)",
    split: 'run each model as a job of its own',
    crop:
      crop === null
        ? ''
        : `crop the CT to ${crop.slices} slices (${Math.floor(crop.extentMm)} mm) from head to feet`,
  };
  return changes.map((change) => texts[change]).join(' and ');
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
