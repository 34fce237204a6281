import { describe, expect, it } from 'vitest';
import { engineCallOf, type ModelId } from '../../../core/models/catalogue.ts';
import { buildMetadata, type MetadataInput, type ModelRun } from '../../../core/results/metadata.ts';
import { metadataSchema } from '../../../core/results/metadata-schema.ts';
import { stableJson } from '../../../core/results/stable-json.ts';
import { components } from '../../../core/volume/components.ts';
import { allAxisCodes, reorient } from '../../../core/volume/orientation.ts';
import { measure } from '../../../core/volume/statistics.ts';
import type { Affine, Dims, LabelMap, Volume } from '../../../core/volume/volume.ts';

const DIMS: Dims = [12, 10, 8];
const AFFINE: Affine = [1, 0, 0, -5, 0, 2, 0, 7, 0, 0, 2.5, 100, 0, 0, 0, 1];
const OPTIONS = { fast: true, folds: [0], tta: false };
const PLACE = { nnunetV1ModelFolder: '/home/someone/v1', totalSegmentatorRoot: '/home/someone/ts' };

const at = (i: number, j: number, k: number): number => i + DIMS[0] * (j + DIMS[1] * k);

function ctOf(dims = DIMS): Volume {
  const data = Int16Array.from({ length: dims[0] * dims[1] * dims[2] }, (_, p) => (p % 97) - 30);
  return { grid: { dims, affine: AFFINE }, data, slope: 1, intercept: 0 };
}

/** A map of `DIMS` with the box `from` to `to` (inclusive) set to a label, for each box given. */
function boxes(...given: readonly (readonly [number, readonly number[], readonly number[]])[]): LabelMap {
  const data = new Uint8Array(DIMS[0] * DIMS[1] * DIMS[2]);
  for (const [label, from, to] of given) {
    for (let k = from[2]!; k <= to[2]!; k += 1) {
      for (let j = from[1]!; j <= to[1]!; j += 1) {
        for (let i = from[0]!; i <= to[0]!; i += 1) data[at(i, j, k)] = label;
      }
    }
  }
  return { grid: { dims: DIMS, affine: AFFINE }, data };
}

const WEIGHTS = {
  liver: ['ts298', 'ts297'],
  task008: ['task008'],
  totalseg: ['ts297'],
  liver_vessels: ['ts8', 'ts298'],
} as const;

function runOf(
  model: keyof typeof WEIGHTS,
  mask: LabelMap,
  { ct = ctOf(), demo = false, ...rest }: Partial<ModelRun> & { ct?: Volume; demo?: boolean } = {},
): ModelRun {
  return {
    model: model satisfies ModelId,
    options: OPTIONS,
    call: engineCallOf(model, OPTIONS, PLACE),
    cropEmpty: false,
    weights: WEIGHTS[model].map((id) => ({
      id,
      demo,
      files: [
        { name: 'plans.json', sha256: 'b'.repeat(64) },
        { name: 'fold_0/checkpoint_final.pth', sha256: 'a'.repeat(64) },
      ],
    })),
    statistics: measure(ct, mask),
    components: components(mask, 26),
    ...rest,
  };
}

const LIVER = boxes([1, [2, 2, 2], [8, 7, 5]]);
const LESIONS = boxes([1, [1, 1, 1], [1, 1, 4]], [2, [4, 4, 3], [5, 5, 3]], [2, [8, 4, 3], [8, 4, 3]]);

function inputOf(...runs: readonly ModelRun[]): MetadataInput {
  return {
    grid: { dims: DIMS, affine: AFFINE },
    input: { sha256: 'c'.repeat(64), bytes: 12345 },
    runs,
    versions: { torch: '2.0', python: '3.11' },
    serviceVersion: '0.1.0',
  };
}

/** A liver of a few hundred voxels cannot be of any plausible size. */
const TINY = 'LIVER_VOLUME_IMPLAUSIBLE';

const codesOf = (...runs: readonly ModelRun[]): [string, string[]] => {
  const { verdict, reasons } = buildMetadata(inputOf(...runs)).quality;
  return [verdict, reasons.map(({ code }) => code).filter((code) => code !== TINY)];
};

describe('buildMetadata', () => {
  it('states the figures of every structure', () => {
    const { structures } = buildMetadata(inputOf(runOf('liver', LIVER), runOf('task008', LESIONS)));

    expect(structures.map(({ name, model, label }) => [name, model, label])).toEqual([
      ['hepatic_vessels', 'task008', 1],
      ['liver_tumors', 'task008', 2],
      ['liver', 'liver', 1],
    ]);
    expect(structures[1]).toMatchObject({
      voxels: 5,
      volumeMl: 0.025,
      components: { connectivity: 26, count: 2, sizes: [4, 1] },
      boundingBox: { min: [4, 4, 3], max: [8, 5, 3] },
    });
    expect(structures[2]).toMatchObject({
      volumeMl: 7 * 6 * 4 * 0.005,
      centroidMm: [0, 16, 108.75],
      boundingBox: { min: [2, 2, 2], max: [8, 7, 5] },
    });
  });

  it('does not depend on the order of runs, weights files or versions', () => {
    const runs = [runOf('liver', LIVER), runOf('task008', LESIONS)];
    const input = inputOf(...runs);
    const turned = {
      ...input,
      runs: runs.toReversed().map((run) => ({
        ...run,
        weights: run.weights.map((set) => ({ ...set, files: set.files.toReversed() })),
      })),
      versions: { python: '3.11', torch: '2.0' },
    };

    expect(stableJson(buildMetadata(turned))).toBe(stableJson(buildMetadata(input)));
  });

  it('follows its own schema, with a reason for every null', () => {
    const metadata = buildMetadata(inputOf(runOf('totalseg', boxes([5, [2, 2, 2], [6, 6, 6]]))));

    expect(metadataSchema.parse(JSON.parse(stableJson(metadata)))).toEqual(metadata);
    expect(metadata.structures).toHaveLength(117);
    const spleen = metadata.structures.find(({ name }) => name === 'spleen')!;
    expect(spleen).toMatchObject({ voxels: 0, volumeMl: 0, hu: null, components: { count: 0 } });
    expect(spleen.nullReasons['hu']).toBe('The structure is empty.');
    expect(metadata.hpb.tumourBurdenPercent).toBeNull();
    expect(metadata.hpb.nullReasons['tumourBurdenPercent']).not.toBe('');
  });

  it('refuses a document whose null has no reason', () => {
    const metadata = buildMetadata(inputOf(runOf('liver', LIVER)));
    const [liver] = metadata.structures;
    const silent = { ...metadata, structures: [{ ...liver, nullReasons: { mesh: 'x' } }] };

    expect(metadataSchema.safeParse(silent).success).toBe(false);
  });

  it('names weights, licences and the engine call, but no path of the machine', () => {
    const metadata = buildMetadata(inputOf(runOf('liver', LIVER), runOf('task008', LESIONS)));

    const { weights, models } = metadata.provenance;
    expect(weights.map(({ id, licence }) => [id, licence])).toEqual([
      ['task008', 'CC-BY-NC-4.0'],
      ['ts297', 'Apache-2.0'],
      ['ts298', 'Apache-2.0'],
    ]);
    expect(models.map(({ engineCall }) => engineCall)).toEqual([
      { engine: 'nnunet-v1', checkpoint: 'model_final_checkpoint', folds: [0], tta: false },
      { engine: 'totalsegmentator', task: 'total', roiSubset: ['liver'], fast: true, multilabel: false },
    ]);
    expect(stableJson(metadata)).not.toContain('someone');
  });

  it('says DEMO loudly and never ok when one weight set was a demo', () => {
    const metadata = buildMetadata(inputOf(runOf('liver', LIVER), runOf('task008', LESIONS, { demo: true })));

    expect(metadata.demo).toBe(true);
    expect(metadata.demoNotice).toContain('DEMO');
    expect(metadata.quality).toMatchObject({
      verdict: 'review',
      reasons: expect.arrayContaining([expect.objectContaining({ code: 'DEMO_WEIGHTS', value: 'task008' })]),
    });
    expect(buildMetadata(inputOf(runOf('task008', LESIONS)))).toMatchObject({
      demo: false,
      demoNotice: null,
      quality: { verdict: 'ok', reasons: [] },
    });
  });

  it('rejects an empty liver, but takes an empty tumour label as a result', () => {
    expect(codesOf(runOf('liver', boxes()))).toEqual(['reject', ['LIVER_EMPTY']]);
    expect(codesOf(runOf('liver', boxes(), { cropEmpty: true, demo: true }))).toEqual([
      'reject',
      ['DEMO_WEIGHTS', 'EMPTY_CROP', 'LIVER_EMPTY'],
    ]);
    expect(codesOf(runOf('task008', boxes([1, [1, 1, 1], [1, 1, 4]])))).toEqual(['ok', []]);
    expect(codesOf(runOf('task008', boxes()))).toEqual(['review', ['VESSELS_EMPTY']]);
  });

  it('names the sides on which the liver is cut off, in all 48 orientations', () => {
    const ct = ctOf();
    const cut = boxes([1, [9, 0, 3], [11, 4, 5]]);

    for (const codes of allAxisCodes()) {
      const [turnedCt, mask] = [reorient(ct, codes), reorient(cut, codes)];
      const run = runOf('liver', mask, { ct: turnedCt });
      const metadata = buildMetadata({ ...inputOf(run), grid: mask.grid });
      expect(metadata.grid.orientation).toBe(codes);
      expect(metadata.structures[0]!.touchesBorder).toEqual({
        left: false,
        right: true,
        posterior: true,
        anterior: false,
        inferior: false,
        superior: false,
      });
      expect(metadata.quality.reasons.filter(({ code }) => code !== TINY)).toMatchObject([
        { code: 'LIVER_TOUCHES_BORDER', verdict: 'review', value: 'right, posterior' },
      ]);
    }
  });

  it('refuses a label that the model does not have', () => {
    expect(() => buildMetadata(inputOf(runOf('task008', boxes([7, [1, 1, 1], [2, 2, 2]]))))).toThrow(
      expect.objectContaining({
        code: 'ENGINE_OUTPUT_MISMATCH',
        message: expect.stringContaining('label 7'),
      }),
    );
  });
});
