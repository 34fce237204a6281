import { z } from 'zod';
import type { Meta } from './meta.ts';

const measure = z.number().nullable();

/** What the pages of a batch show of the metadata.json of a case; a part of it, by the same names. */
export const caseMeasures = z.object({
  quality: z.object({
    verdict: z.enum(['ok', 'review', 'reject']),
    reasons: z.array(z.object({ code: z.string() })),
  }),
  hpb: z.object({
    liverVolumeMl: measure,
    liverVolumeWithoutTumoursMl: measure,
    tumourVolumeMl: measure,
    tumourBurdenPercent: measure,
    lesionCount: measure,
    lesionsTouchingVessel: measure,
    vesselVolumeInLiverMl: measure,
  }),
});
export type CaseMeasures = z.infer<typeof caseMeasures>;

/** What the pages of a batch say of a case, so that they are made without reading its files again. */
export const caseSummary = z.object({
  /** meta.json without the name that the caller gave the case. */
  meta: z.record(z.string(), z.unknown()),
  measures: caseMeasures,
});
export type CaseSummary = z.infer<typeof caseSummary>;

/** The summary of a case by its documents. */
export function summaryOf(meta: Meta, metadata: CaseMeasures): CaseSummary {
  return { meta: withoutName(meta), measures: caseMeasures.parse(metadata) };
}

/** meta.json without the caller's name, which stands in few documents only. */
export function withoutName(meta: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(meta).filter(([key]) => key !== 'case_id'));
}
