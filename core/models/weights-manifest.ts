import { z } from 'zod';
import { HpbError } from '../errors.ts';
import { WEIGHTS, type WeightsId } from './weights.ts';

const file = z.object({ bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

/**
 * manifest.json of a weights folder, in the models bucket (`modelsManifestKey`) as in container/engine/demo-weights.
 * Whoever uploads weights writes it last, after every file was checked: its presence says that they are all there.
 * Paths are relative to the folder of the manifest (`nnunet_v1/…`, `totalseg/…`).
 */
export const weightsManifest = z.object({
  schemaVersion: z.literal(1),
  kind: z.enum(['real', 'demo']),
  sets: z.partialRecord(
    z.enum(Object.keys(WEIGHTS) as [WeightsId, ...WeightsId[]]),
    z.object({ files: z.record(z.string(), file) }),
  ),
});
export type WeightsManifest = z.infer<typeof weightsManifest>;

/** @throws HpbError WEIGHTS_CORRUPT for a text that is no manifest. */
export function parseWeightsManifest(text: string): WeightsManifest {
  try {
    return weightsManifest.parse(JSON.parse(text));
  } catch (cause) {
    throw new HpbError('WEIGHTS_CORRUPT', 'The manifest.json of the weights cannot be read.', {
      remedy: 'Upload the weights again: `hpb models push`.',
      cause,
    });
  }
}
