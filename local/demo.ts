import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { outputError } from '../adapters/file-error.ts';
import { writeNifti } from '../adapters/nifti-file.ts';
import { HpbError } from '../core/errors.ts';
import { REQUEST_MODELS } from '../core/models/catalogue.ts';
import type { Metadata } from '../core/results/metadata-schema.ts';
import { makePhantom, phantomGrid, type Phantom } from '../core/volume/phantom.ts';
import { LIVER_ORGAN_LABELS, PHANTOM_LABELS } from '../core/volume/phantom/labels.ts';
import { segmentFiles, type SegmentSurroundings } from './segment-files.ts';
import type { CaseOutcome } from './segment-report.ts';
import { tableText } from './text.ts';

/** The synthetic patient of the demo; the demo networks were never trained on this seed. */
const DEMO_SEED = 1;

/** A structure's volume as found and as it truly is, ml. */
interface VolumeComparison {
  readonly structure: string;
  readonly foundMl: number;
  readonly trueMl: number;
}

/**
 * Makes the synthetic CT of the demo in `<dataRoot>/demo/`, segments it with the demo networks, and compares
 * the volumes with the truth that the phantom is made from.
 *
 * @returns the comparison as lines for the reader.
 * @throws HpbError with the code of the case when it failed; OUTPUT_UNWRITABLE, DISK_FULL, SETTINGS_INVALID.
 */
export async function runDemo(dataRoot: string, surroundings: SegmentSurroundings): Promise<string> {
  const folder = join(dataRoot, 'demo');
  const ct = join(folder, 'phantom.nii.gz');
  const phantom = makePhantom({ seed: DEMO_SEED, grid: phantomGrid('small') });
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw outputError(error);
  });
  await writeNifti(join(folder, 'phantom_truth.nii.gz'), phantom.truth);
  await writeNifti(ct, phantom.ct);
  const [outcome] = await segmentFiles(
    {
      inputs: [ct],
      models: REQUEST_MODELS['both']!,
      options: { fast: true, folds: [0], tta: false },
      out: join(folder, 'results'),
      timeoutSeconds: surroundings.settings.HPB_MODEL_TIMEOUT_SECONDS,
    },
    { ...surroundings, settings: { ...surroundings.settings, HPB_WEIGHTS: 'demo' } },
  );
  return truthText(succeeded(outcome!), phantom);
}

function succeeded({ error, metadata }: CaseOutcome): Metadata {
  if (error !== null)
    throw new HpbError(error.code, error.message, { remedy: error.remedy, details: error.details });
  return metadata!;
}

function truthText(metadata: Metadata, phantom: Phantom): string {
  const rows = compareVolumes(metadata, phantom).map(({ structure, foundMl, trueMl }) => {
    const percent = (100 * (foundMl - trueMl)) / trueMl;
    const difference = `${percent < 0 ? '' : '+'}${percent.toFixed(0)} %`;
    return [structure, foundMl.toFixed(1), trueMl.toFixed(1), difference];
  });
  const heading = ['structure', 'found, ml', 'truth, ml', 'difference'];
  return `Against the known truth of the synthetic CT:\n${tableText([heading, ...rows], [1, 2, 3])}`;
}

function compareVolumes(metadata: Metadata, phantom: Phantom): readonly VolumeComparison[] {
  const truth = new Map<number, number>(phantom.structures.map(({ label, voxelMl }) => [label, voxelMl]));
  const trueMl = (labels: readonly number[]): number =>
    labels.reduce((sum, label) => sum + (truth.get(label) ?? 0), 0);
  const foundMl = (name: string): number =>
    metadata.structures.find((one) => one.name === name)?.volumeMl ?? 0;
  return [
    { structure: 'liver', foundMl: foundMl('liver'), trueMl: trueMl(LIVER_ORGAN_LABELS) },
    {
      structure: 'hepatic vessels',
      foundMl: foundMl('hepatic_vessels'),
      trueMl: trueMl([PHANTOM_LABELS.liver_vessels]),
    },
    {
      structure: 'liver tumours',
      foundMl: foundMl('liver_tumors'),
      trueMl: trueMl([PHANTOM_LABELS.liver_tumor]),
    },
  ];
}
