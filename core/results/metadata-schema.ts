import { z } from 'zod';
import { engineCall } from '../engine-protocol.ts';
import { MODEL_IDS, type ModelId } from '../models/catalogue.ts';

/**
 * metadata.json, version 1, in its final shape: measures that this version does not make yet are null, and
 * `nullReasons` says why for each null. Published as docs/reference/metadata.schema.json.
 */

const triple = z.tuple([z.number(), z.number(), z.number()]);
const indexTriple = z.tuple([z.int(), z.int(), z.int()]);
const model = z.enum(MODEL_IDS as [ModelId, ...ModelId[]]);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const nullReasons = z
  .record(z.string(), z.string())
  .describe('Field that is null -> why; exactly the null fields of this object have an entry.');

/** Every null field has a reason, and no other field has one. */
function reasonsFitNulls(object: { readonly nullReasons: Readonly<Record<string, string>> }): boolean {
  const nulls = Object.entries(object).filter(([, value]) => value === null);
  return (
    nulls.length === Object.keys(object.nullReasons).length &&
    nulls.every(([field]) => Object.hasOwn(object.nullReasons, field))
  );
}
const REASONS_MESSAGE = 'every null field needs a reason in nullReasons, and only those';

const hu = z
  .object({
    min: z.number(),
    max: z.number(),
    mean: z.number(),
    std: z.number().describe('Of the population (divided by n).'),
    p5: z.number(),
    p25: z.number(),
    p50: z.number(),
    p75: z.number(),
    p95: z.number(),
  })
  .describe("Hounsfield units inside the structure; percentiles as numpy's method linear. To 0.01.");

const components = z.object({
  connectivity: z.literal(26).describe('Voxels that share a face, an edge or a corner belong together.'),
  count: z.int(),
  sizes: z.array(z.int()).describe('Voxels of the 20 largest components, largest first.'),
});

const mesh = z.object({
  triangles: z.int(),
  closed: z.boolean(),
  nonManifoldEdges: z.int(),
  volumeMl: z.number(),
  volumeDifferencePercent: z.number().describe('Mesh volume against voxel volume.'),
});

const touchesBorder = z
  .object({
    left: z.boolean(),
    right: z.boolean(),
    posterior: z.boolean(),
    anterior: z.boolean(),
    inferior: z.boolean(),
    superior: z.boolean(),
  })
  .describe(
    'Whether the structure reaches the outermost voxel layer on that side of the scan (nearest anatomical direction).',
  );

const structure = z
  .object({
    name: z.string(),
    label: z.int().describe("Value in the model's mask file."),
    model,
    voxels: z.int(),
    volumeMl: z.number().describe('Voxels times voxel volume, ml, to 0.001.'),
    hu: hu.nullable(),
    components,
    boundingBox: z
      .object({ min: indexTriple, max: indexTriple })
      .nullable()
      .describe('Voxel indices [i, j, k], both ends inclusive.'),
    centroidMm: triple.nullable().describe('Mean of the voxel centres, mm, RAS+, to 0.01.'),
    touchesBorder,
    surfaceAreaMm2: z
      .number()
      .nullable()
      .describe(
        "mm2, to 0.1, of the voxels by Crofton's formula in 13 directions; the cut at the edge of the scan counts.",
      ),
    mesh: mesh.nullable(),
    nullReasons,
  })
  .refine(reasonsFitNulls, REASONS_MESSAGE);

const lesion = z
  .object({
    voxels: z.int(),
    volumeMl: z.number(),
    centroidMm: triple.describe('Mean of the voxel centres, mm, RAS+, to 0.01.'),
    longestAxialDiameterMm: z
      .number()
      .nullable()
      .describe(
        'Longest in-plane diameter of all axial slices (RECIST 1.1), between voxel faces, mm, to 0.01.',
      ),
    longestDiameterMm: z
      .number()
      .nullable()
      .describe('Longest distance between two points of the surface (IBSI), mm, to 0.01.'),
    nearestVesselMm: z
      .number()
      .nullable()
      .describe(
        'Surface to surface, mm, to 0.01; 0 when they touch. Right on average; in one case up to a voxel off.',
      ),
    touchesVessel: z.boolean().nullable().describe('Whether a voxel of a vessel is among the 26 neighbours.'),
    outsideLiverPercent: z
      .number()
      .nullable()
      .describe('Of its voxels; cavities of the liver mask are liver.'),
    nullReasons,
  })
  .refine(reasonsFitNulls, REASONS_MESSAGE);

const hpb = z
  .object({
    liverVolumeMl: z.number().nullable().describe('Liver with the tumours that lie in it or touch it.'),
    liverVolumeWithoutTumoursMl: z.number().nullable(),
    tumourVolumeMl: z.number().nullable(),
    tumourBurdenPercent: z.number().nullable(),
    vesselVolumeInLiverMl: z.number().nullable(),
    lesionCount: z.int().nullable().describe('0 when tumours were looked for and none was found.'),
    lesionsTouchingVessel: z.int().nullable(),
    lesions: z.array(lesion).nullable().describe('The 100 largest, largest first.'),
    contrastPhase: z
      .object({
        phase: z.enum(['native', 'arterial', 'portal-venous', 'late']),
        aortaHu: z.number(),
        portalVeinHu: z.number(),
        liverHu: z.number(),
      })
      .nullable(),
    nullReasons,
  })
  .refine(reasonsFitNulls, REASONS_MESSAGE);

const quality = z.object({
  verdict: z.enum(['ok', 'review', 'reject']),
  reasons: z.array(
    z.object({
      code: z.string(),
      verdict: z.enum(['review', 'reject']),
      message: z.string(),
      structure: z.string().nullable(),
      value: z.union([z.number(), z.string()]).describe('What was found.'),
      bound: z.union([z.number(), z.string()]).describe('What would have been fine.'),
    }),
  ),
});

const weights = z.object({
  id: z.string(),
  demo: z.boolean(),
  licence: z.string(),
  files: z.array(z.object({ name: z.string(), sha256 })),
});

const [nnunetV1Call, totalSegmentatorCall] = engineCall.options;

const givenMasks = z
  .object({
    engine: z.literal('given'),
    masks: z.array(z.object({ sha256, bytes: z.int(), structures: z.array(z.string()) })),
  })
  .describe('No engine of this software ran: the masks came from elsewhere, in these files.');

const provenance = z.object({
  input: z.object({ sha256, bytes: z.int() }).describe('The CT file as it was given.'),
  models: z.array(
    z.object({
      id: model,
      title: z.string(),
      licence: z.string(),
      parameters: z
        .object({ fast: z.boolean(), folds: z.array(z.int()), tta: z.boolean() })
        .nullable()
        .describe('Null for masks that came from elsewhere.'),
      engineCall: z
        .discriminatedUnion('engine', [
          nnunetV1Call.omit({ modelFolder: true }),
          totalSegmentatorCall.omit({ weightsRoot: true }),
          givenMasks,
        ])
        .describe('What the engine was asked, without the paths of the machine.'),
      weights: z.array(z.string()).describe('Ids of the weight sets below.'),
      cropEmpty: z
        .boolean()
        .describe('The rough model found nothing to crop to; the mask is empty for that.'),
    }),
  ),
  weights: z.array(weights),
  versions: z.record(z.string(), z.string()).describe('Packages of the engine environment.'),
  service: z.object({ name: z.literal('hpb-segmentation'), version: z.string() }),
});

/** The whole document. It holds no clock, no timing and no device: two runs give the same bytes. */
export const metadataSchema = z.object({
  schemaVersion: z.literal(1),
  notice: z.string().describe('Not a medical device.'),
  demo: z.boolean().describe('Whether demo weights took part: the masks then mean nothing.'),
  demoNotice: z.string().nullable(),
  quality,
  grid: z.object({
    dims: indexTriple,
    spacingMm: triple,
    orientation: z
      .string()
      .regex(/^[LRPAIS]{3}$/)
      .describe('Where the voxel axes lead, for example LPS.'),
    affine: z.array(z.number()).length(16).describe('Row by row: voxel index to RAS+ mm.'),
  }),
  structures: z.array(structure),
  hpb,
  provenance,
});

/** metadata.json of a case. */
export type Metadata = z.infer<typeof metadataSchema>;

/** One entry of `structures`. */
export type StructureFacts = Metadata['structures'][number];

/** Masks that came from elsewhere, in the place of a call of an engine. */
export type GivenMasks = z.infer<typeof givenMasks>;

/** What is known of the mesh of a structure. */
export type StructureMeshFacts = NonNullable<StructureFacts['mesh']>;

/** The quality part of the document. */
export type Quality = Metadata['quality'];
