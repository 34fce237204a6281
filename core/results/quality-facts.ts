import type { ModelId } from '../models/catalogue.ts';
import type { Grid } from '../volume/volume.ts';
import type { Metadata, Quality, StructureFacts } from './metadata-schema.ts';

/** What the rules look at. */
export interface QualityFacts {
  readonly structures: readonly StructureFacts[];
  readonly hpb: Metadata['hpb'];
  readonly grid: Grid;
  readonly runs: readonly { readonly model: ModelId; readonly cropEmpty: boolean }[];
  /** Ids of the demo weight sets that took part. */
  readonly demoWeights: readonly string[];
}

/** What a rule found: where, and the value. */
export type Finding = Pick<Quality['reasons'][number], 'structure' | 'value'>;

/** One reason why a result may not be taken as it is. */
export interface QualityRule {
  readonly code: string;
  readonly verdict: 'review' | 'reject';
  /** What a finding means, for the reader of a report. */
  readonly message: string;
  /** What is fine. */
  readonly bound: number | string;
  /** Why the rule exists, or where its bound comes from. */
  readonly source: string;
  readonly find: (facts: QualityFacts) => readonly Finding[];
}

const LIVER = /^liver$/;
const VESSELS = /^(hepatic_vessels|liver_vessels)$/;

/** The livers that models found, whole ones. */
export const livers = ({ structures }: QualityFacts): readonly StructureFacts[] =>
  structures.filter(({ name }) => LIVER.test(name));

/** Hepatic vessels that models found. */
export const vesselsOf = ({ structures }: QualityFacts): readonly StructureFacts[] =>
  structures.filter(({ name }) => VESSELS.test(name));

/** Lesions that a finding names one by one; of more the rest is counted. */
const LESIONS_NAMED = 10;

type Lesion = NonNullable<Metadata['hpb']['lesions']>[number];

/**
 * One finding that names every lesion of which `fault` says something, by its number in the list of lesions, which
 * begins at 1; none where it says nothing.
 */
export function lesionFinding(
  { lesions }: Metadata['hpb'],
  fault: (lesion: Lesion) => string | null,
): readonly Finding[] {
  const faults = (lesions ?? []).flatMap((lesion, at) => {
    const text = fault(lesion);
    return text === null ? [] : [`lesion ${at + 1}: ${text}`];
  });
  if (faults.length === 0) return [];
  const named = faults.slice(0, LESIONS_NAMED).join(', ');
  const more = faults.length - LESIONS_NAMED;
  return [{ structure: null, value: more > 0 ? `${named} and ${more} more` : named }];
}
