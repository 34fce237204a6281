import { HpbError, type ErrorDetails } from '../errors.ts';
import { distinctHu, huPercentile, shareUpTo, type HuStats } from './hu-stats.ts';

/** The numbers that the rules judge by, in HU; for the reader of a verdict. */
export interface IntensityFacts {
  readonly min: number;
  readonly max: number;
  readonly p1: number;
  readonly p50: number;
  readonly p99: number;
  /** Share of voxels below -200 HU (air, lung), 0 to 1. */
  readonly shareAir: number;
}

/** Above this a voxel holds tissue, not air or lung. */
const TISSUE_HU = -300;
/** A scan with less tissue than this shows no patient. */
const LEAST_TISSUE = 0.005;
/** Fat and air lie below this; every abdomen has both, an MR or a CT without its intercept has nothing there. */
const FAT_HU = -50;
const LEAST_FAT = 0.001;
const AIR_HU = -200;
const GAS_HU = -500;
/** Most labels of a known label map are 117; an 8-bit picture uses nearly all of its 256 values. */
const MOST_LABELS = 150;

/** The numbers of `stats` that matter to the intensity rules. */
export function intensityFacts(stats: HuStats): IntensityFacts {
  return {
    min: stats.min,
    max: stats.max,
    p1: huPercentile(stats, 1),
    p50: huPercentile(stats, 50),
    p99: huPercentile(stats, 99),
    shareAir: Math.round(shareUpTo(stats, AIR_HU - 1) * 1e4) / 1e4,
  };
}

/** Why the intensities are not those of a CT of a body, or null when they may be. */
export function intensityProblem(stats: HuStats): HpbError | null {
  if (stats.notFinite > 0)
    return new HpbError(
      'CT_NOT_FINITE',
      `${stats.notFinite} of ${stats.voxels} voxels are NaN or infinite.`,
      {
        remedy:
          'Replace them by -1024 (air) where the scanner recorded nothing, or convert again from DICOM.',
        details: { notFinite: stats.notFinite, voxels: stats.voxels },
      },
    );
  const facts = intensityFacts(stats);
  const details: ErrorDetails = { ...facts };
  if (isLabelMap(stats))
    return new HpbError(
      'CT_IS_LABEL_MAP',
      `The image holds only ${distinctHu(stats)} different whole numbers from 0 to ${stats.max}: it is a mask or label map.`,
      {
        remedy: 'Give the CT that the mask was made from.',
        details: { ...details, distinct: distinctHu(stats) },
      },
    );
  if (1 - shareUpTo(stats, TISSUE_HU) < LEAST_TISSUE)
    return new HpbError(
      'CT_ALL_AIR',
      `The scan shows only air: 99 % of its voxels are at most ${facts.p99} HU.`,
      {
        remedy:
          'Check that it is the right series and that its rescale intercept (usually -1024) is applied once, not twice.',
        details,
      },
    );
  if (stats.min === stats.max || shareUpTo(stats, FAT_HU - 1) < LEAST_FAT)
    return new HpbError('CT_NOT_HOUNSFIELD', notHounsfield(stats, facts), {
      remedy:
        'Give a CT in Hounsfield units (air -1000, water 0), not an MR and not a windowed or normalised copy. If the rescale intercept (usually -1024) is missing, convert again with `dcm2niix`.',
      details,
    });
  return null;
}

/** A doubt about intensities that may still be run: nothing in the scan is as dark as gas. */
export function intensityWarning(stats: HuStats): HpbError | null {
  if (shareUpTo(stats, GAS_HU) > 0) return null;
  return new HpbError(
    'CT_NOT_HOUNSFIELD',
    `No voxel is below ${GAS_HU} HU (the darkest has ${stats.min}): the CT was clipped, or cropped inside the body.`,
    {
      remedy: 'Prefer the original CT; the models learned from whole scans.',
      details: { ...intensityFacts(stats) },
    },
  );
}

function isLabelMap(stats: HuStats): boolean {
  const small = stats.integers && stats.min >= 0 && stats.max <= 255 && stats.min !== stats.max;
  return small && distinctHu(stats) <= MOST_LABELS;
}

function notHounsfield(stats: HuStats, { min, max, p50 }: IntensityFacts): string {
  if (min === max) return `Every voxel has the same value, ${min}.`;
  const share = (shareUpTo(stats, FAT_HU - 1) * 100).toFixed(2);
  return `The intensities (${min} to ${max}, median ${p50}) are not Hounsfield units: only ${share} % of the voxels are darker than ${FAT_HU}, where fat and air lie.`;
}
