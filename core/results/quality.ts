import { spacingOf, voxelCount } from '../volume/volume.ts';
import type { Quality } from './metadata-schema.ts';
import { lesionFinding, livers, vesselsOf, type QualityFacts, type QualityRule } from './quality-facts.ts';
import { rounded } from './stable-json.ts';

const LIVER_ML = [500, 4000] as const;
const LIVER_HU = [-50, 250] as const;
const LARGEST_PART_PERCENT = 95;
const MOST_LESIONS = 50;
const MOST_OUTSIDE_PERCENT = 50;
const THICKEST_MM = 5;
const FULL_PERCENT = 60;
const LEAST_VESSEL_LEAD_HU = 10;
const LEAST_LESION_VOXELS = 5;

/** The rules, in the order in which their findings are listed. */
export const QUALITY_RULES: readonly QualityRule[] = [
  {
    code: 'DEMO_WEIGHTS',
    verdict: 'review',
    message:
      'DEMO weights took part: the masks show how the software works, they mean nothing about a patient.',
    bound: 'none',
    source: 'The demo networks were trained on synthetic phantoms only.',
    find: ({ demoWeights }) =>
      demoWeights.length === 0 ? [] : [{ structure: null, value: demoWeights.join(', ') }],
  },
  {
    code: 'EMPTY_CROP',
    verdict: 'reject',
    message: 'The rough model found no liver to crop to, so the fine model never ran.',
    bound: 'a liver found',
    source: 'TotalSegmentator crops to the liver found at 6 mm before these models run.',
    find: ({ runs }) =>
      runs.filter(({ cropEmpty }) => cropEmpty).map(({ model }) => ({ structure: null, value: model })),
  },
  {
    code: 'LIVER_EMPTY',
    verdict: 'reject',
    message: 'The liver mask is empty.',
    bound: 1,
    source: 'Every scan this service is made for shows the liver; an empty mask is a failure, not a finding.',
    find: (facts) =>
      livers(facts)
        .filter(({ voxels }) => voxels === 0)
        .map(({ name, voxels }) => ({ structure: name, value: voxels })),
  },
  {
    code: 'FILLS_SCAN',
    verdict: 'reject',
    message: 'One structure fills most of the scan: the mask is not a segmentation.',
    bound: `at most ${FULL_PERCENT} % of the voxels`,
    source: 'Our own bound: no organ fills the field of view of a CT of the abdomen.',
    find: ({ structures, grid }) =>
      structures
        .map(({ name, voxels }) => ({
          structure: name,
          value: rounded((100 * voxels) / voxelCount(grid.dims), 1),
        }))
        .filter(({ value }) => value > FULL_PERCENT),
  },
  {
    code: 'LIVER_TOUCHES_BORDER',
    verdict: 'review',
    message:
      'The liver reaches the edge of the scan: part of it may be missing, and its volume is a lower bound.',
    bound: 'no side',
    source: 'A volume that the field of view cuts off cannot be measured.',
    find: (facts) =>
      livers(facts).flatMap(({ name, touchesBorder }) => {
        const sides = Object.entries(touchesBorder).flatMap(([side, touches]) => (touches ? [side] : []));
        return sides.length === 0 ? [] : [{ structure: name, value: sides.join(', ') }];
      }),
  },
  {
    code: 'LIVER_VOLUME_IMPLAUSIBLE',
    verdict: 'review',
    message: 'The volume of the liver (ml) is not that of an adult liver.',
    bound: `${LIVER_ML[0]} to ${LIVER_ML[1]} ml`,
    source:
      'Vauthey et al. 2002 (-794 + 1267 x body surface) gives 850 to 2400 ml for adults; widened for liver remnants and for polycystic or tumorous livers.',
    find: (facts) =>
      livers(facts)
        .filter(({ voxels, volumeMl }) => voxels > 0 && outside(volumeMl, LIVER_ML))
        .map(({ name, volumeMl }) => ({ structure: name, value: volumeMl })),
  },
  {
    code: 'LIVER_NOT_HOUNSFIELD',
    verdict: 'review',
    message: 'The median of the liver is no attenuation (HU) of a liver: check the intensities of the CT.',
    bound: `${LIVER_HU[0]} to ${LIVER_HU[1]} HU`,
    source:
      'Unenhanced liver has 40 to 70 HU, a severely fatty one down to -40; with contrast, 80 to 180 (our bounds around these).',
    find: (facts) =>
      livers(facts).flatMap(({ name, hu }) =>
        hu !== null && outside(hu.p50, LIVER_HU) ? [{ structure: name, value: hu.p50 }] : [],
      ),
  },
  {
    code: 'LIVER_FRAGMENTED',
    verdict: 'review',
    message: 'Less of the liver hangs together (%) than one organ does.',
    bound: `at least ${LARGEST_PART_PERCENT} % in one part`,
    source: 'Our own bound: a liver is one body; islands beside it are other tissue or a torn mask.',
    find: (facts) =>
      livers(facts)
        .filter(({ voxels }) => voxels > 0)
        .map(({ name, voxels, components }) => ({
          structure: name,
          value: rounded((100 * components.sizes[0]!) / voxels, 1),
        }))
        .filter(({ value }) => value < LARGEST_PART_PERCENT),
  },
  {
    code: 'VESSELS_EMPTY',
    verdict: 'review',
    message: 'No hepatic vessel was found.',
    bound: 'at least 1 voxel',
    source: 'Every liver has vessels; without contrast, or off the liver, the model sees none.',
    find: (facts) =>
      vesselsOf(facts)
        .filter(({ voxels }) => voxels === 0)
        .map(({ name, voxels }) => ({ structure: name, value: voxels })),
  },
  {
    code: 'MANY_LESIONS',
    verdict: 'review',
    message: 'So many separate lesions are more often noise than disease.',
    bound: MOST_LESIONS,
    source: 'Our own bound; the training cases of MSD Task008 have a few lesions each.',
    find: ({ hpb: { lesionCount } }) =>
      lesionCount !== null && lesionCount > MOST_LESIONS ? [{ structure: null, value: lesionCount }] : [],
  },
  {
    code: 'TINY_LESIONS',
    verdict: 'review',
    message: 'Lesions of a few voxels: their diameters and volumes are no more than a guess.',
    bound: `at least ${LEAST_LESION_VOXELS} voxels each`,
    source: 'RECIST 1.1 calls lesions below 10 mm not measurable; below 5 voxels even the shape is unknown.',
    find: ({ hpb }) =>
      lesionFinding(hpb, ({ voxels }) => (voxels < LEAST_LESION_VOXELS ? voxelsText(voxels) : null)),
  },
  {
    code: 'TUMOUR_OUTSIDE_LIVER',
    verdict: 'review',
    message: 'Lesions lie mostly outside the liver.',
    bound: `at most ${MOST_OUTSIDE_PERCENT} % of a lesion`,
    source: 'The model looks for tumours of the liver; elsewhere it is not trained.',
    find: ({ hpb }) =>
      lesionFinding(hpb, ({ outsideLiverPercent: part }) =>
        part !== null && part > MOST_OUTSIDE_PERCENT ? `${rounded(part, 1)} %` : null,
      ),
  },
  {
    code: 'THICK_SLICES',
    verdict: 'review',
    message: 'Slices (mm) so thick that small lesions and thin vessels are missed, and distances are coarse.',
    bound: `at most ${THICKEST_MM} mm`,
    source: 'RECIST 1.1 (Eisenhauer et al. 2009) asks for slices of 5 mm or less.',
    find: ({ grid }) => {
      const thickest = rounded(Math.max(...spacingOf(grid.affine)), 3);
      return thickest > THICKEST_MM ? [{ structure: null, value: thickest }] : [];
    },
  },
  {
    code: 'WRONG_PHASE',
    verdict: 'review',
    message:
      'The scan does not look like the portal-venous phase, for which vessel and tumour models are made.',
    bound: 'portal-venous',
    source: 'The scans of MSD Task008 (Antonelli et al. 2022) are portal-venous; phase by PHASE_BOUNDS.',
    find: ({ hpb: { contrastPhase } }) =>
      contrastPhase === null || contrastPhase.phase === 'portal-venous'
        ? []
        : [{ structure: null, value: contrastPhase.phase }],
  },
  {
    code: 'VESSELS_NOT_ENHANCED',
    verdict: 'review',
    message: 'The vessels are hardly brighter (HU) than the liver: little contrast, or not vessels.',
    bound: `at least ${LEAST_VESSEL_LEAD_HU} HU`,
    source: 'In the portal-venous phase veins lead the liver by 30 to 80 HU (our bound is below that).',
    find: (facts) => {
      const liver = livers(facts).find(({ hu }) => hu !== null)?.hu?.p50;
      if (liver === undefined) return [];
      return vesselsOf(facts)
        .flatMap(({ name, hu }) =>
          hu === null ? [] : [{ structure: name, value: rounded(hu.p50 - liver, 1) }],
        )
        .filter(({ value }) => value < LEAST_VESSEL_LEAD_HU);
    },
  },
];

const voxelsText = (voxels: number): string => (voxels === 1 ? '1 voxel' : `${voxels} voxels`);

const outside = (value: number, [low, high]: readonly [number, number]): boolean =>
  value < low || value > high;

/**
 * Applies all rules: the verdict is the worst finding's, `ok` without one. A rule has one finding a structure, or one that
 * names all lesions.
 */
export function judge(facts: QualityFacts): Quality {
  const reasons = QUALITY_RULES.flatMap(({ code, verdict, message, bound, find }) =>
    find(facts).map(({ structure, value }) => ({ code, verdict, message, structure, value, bound })),
  );
  const verdicts = new Set(reasons.map(({ verdict }) => verdict));
  if (verdicts.has('reject')) return { verdict: 'reject', reasons };
  return { verdict: verdicts.has('review') ? 'review' : 'ok', reasons };
}
