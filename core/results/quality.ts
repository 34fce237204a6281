import type { ModelId } from '../models/catalogue.ts';
import type { Quality, StructureFacts } from './metadata-schema.ts';

/** What the rules look at. */
export interface QualityFacts {
  readonly structures: readonly StructureFacts[];
  readonly runs: readonly { readonly model: ModelId; readonly cropEmpty: boolean }[];
  /** Ids of the demo weight sets that took part. */
  readonly demoWeights: readonly string[];
}

type Finding = Pick<Quality['reasons'][number], 'structure' | 'value'>;

/** One reason why a result may not be taken as it is. */
export interface QualityRule {
  readonly code: string;
  readonly verdict: 'review' | 'reject';
  /** What a finding means, for the reader of a report. */
  readonly message: string;
  readonly bound: number | string;
  /** Why the rule exists, or where its bound comes from. */
  readonly source: string;
  readonly find: (facts: QualityFacts) => readonly Finding[];
}

const livers = ({ structures }: QualityFacts): readonly StructureFacts[] =>
  structures.filter(({ name }) => name === 'liver');

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
];

/** Applies all rules: the verdict is the worst finding's, `ok` without one. */
export function judge(facts: QualityFacts): Quality {
  const reasons = QUALITY_RULES.flatMap(({ code, verdict, message, bound, find }) =>
    find(facts).map(({ structure, value }) => ({ code, verdict, message, structure, value, bound })),
  );
  const verdicts = new Set(reasons.map(({ verdict }) => verdict));
  if (verdicts.has('reject')) return { verdict: 'reject', reasons };
  return { verdict: verdicts.has('review') ? 'review' : 'ok', reasons };
}
