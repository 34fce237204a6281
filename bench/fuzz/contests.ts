import * as fc from 'fast-check';
import { archiveBytes, archiveRecipe } from './archive-inputs.ts';
import { archiveQuarrel, takeOurs, type ReadCases } from './archive-subject.ts';
import type { Contest } from './fuzz-run.ts';
import { niftiBytes, niftiRecipe } from './nifti-inputs.ts';
import { niftiQuarrel, readOurs } from './nifti-subject.ts';
import type { InputKind, Oracle, ReadVolume } from './oracle.ts';

/** What a corpus is made from; the same gives the same inputs. */
export interface CorpusPlan {
  readonly oracle: Oracle;
  readonly inputs: number;
  readonly seed: number;
  /** Uncompressed NIfTI files to mutate. */
  readonly real: readonly Buffer[];
}

type Prepared<K extends InputKind, T> = Omit<Contest<K, T>, 'scratch' | 'keep'>;

/** The contest of each kind of input. */
export function contests(plan: CorpusPlan): {
  readonly nifti: Prepared<'nifti', ReadVolume>;
  readonly archive: Prepared<'archive', ReadCases>;
} {
  const { oracle } = plan;
  return {
    nifti: { kind: 'nifti', oracle, inputs: niftiInputs(plan), read: readOurs, quarrel: niftiQuarrel },
    archive: {
      kind: 'archive',
      oracle,
      inputs: archiveInputs(plan),
      read: takeOurs,
      quarrel: archiveQuarrel,
    },
  };
}

async function* niftiInputs({ inputs, seed, real }: CorpusPlan): AsyncGenerator<Buffer> {
  for (const recipe of fc.sample(niftiRecipe, { numRuns: inputs, seed })) yield niftiBytes(recipe, real);
}

async function* archiveInputs({ inputs, seed, oracle }: CorpusPlan): AsyncGenerator<Buffer> {
  for (const recipe of fc.sample(archiveRecipe, { numRuns: inputs, seed }))
    yield await archiveBytes(recipe, (format, members) => oracle.pack(format, members));
}
