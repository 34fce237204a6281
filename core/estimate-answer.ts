import { z } from 'zod';
import { MODEL_IDS, type ModelId } from './models/catalogue.ts';
import { MACHINE_HOUR_USD, type MachineType } from './prices.ts';
import { errorAnswer, modelOrBoth, optionFields, uploadId } from './requests.ts';

const MAX_AXIS = 32_767;

/** Body of `POST /estimate`: a CT that is there, or the grid of one that is not. */
export const estimateRequest = z.strictObject({
  uploadId: uploadId.optional().describe('A complete upload of a CT.'),
  grid: z
    .strictObject({
      dims: z
        .array(z.int().min(1).max(MAX_AXIS))
        .min(3)
        .max(3)
        .describe('Voxels along each axis; head to feet last.'),
      spacingMm: z.array(z.number().min(0.001).max(100)).min(3).max(3).describe('Edges of a voxel, mm.'),
    })
    .optional()
    .describe('Instead of an upload.'),
  model: modelOrBoth.optional().describe('Default: both (liver and task008).'),
  ...optionFields,
});
export type EstimateRequest = z.infer<typeof estimateRequest>;

/** What can be changed about a request so that it fits. */
const CHANGES = ['fast', 'split', 'crop'] as const;

const usd = z
  .number()
  .nullable()
  .describe('Null where the case does not fit. Uncalibrated unless `calibrated` is true.');

/** Whether a CT would fit, and what it would take; by its header alone. */
export const caseEstimate = z.object({
  dims: z.array(z.int()).min(3).max(3).readonly(),
  spacingMm: z.array(z.number()).min(3).max(3).readonly(),
  fits: z.boolean().describe('Whether nothing that the header tells speaks against it.'),
  problems: z.array(errorAnswer).readonly().describe('Why it would be refused.'),
  memoryBytes: z
    .number()
    .describe('Peak memory of the case: the worker, and the engine with all its models.'),
  limitBytes: z.number().describe('Memory of the largest machine that there is.'),
  models: z
    .array(
      z.object({
        model: z.enum(MODEL_IDS as [ModelId, ...ModelId[]]),
        memoryBytes: z.number().describe('Peak memory of the engine for this model alone.'),
        cardBytes: z.number().describe('GPU memory. Uncalibrated unless `calibrated` is true.'),
        cardHoldsAll: z
          .boolean()
          .describe('False: part of it would be kept in RAM on a T4, which is slower.'),
        seconds: z.number().describe('On the device of `calibration`, else on a T4 GPU, uncalibrated.'),
      }),
    )
    .readonly(),
  seconds: z
    .number()
    .describe(
      'All models on a machine that is ready: on the device of `calibration`, else on a T4 GPU, uncalibrated.',
    ),
  sizes: z
    .array(
      z.object({
        machine: z.enum(Object.keys(MACHINE_HOUR_USD) as [MachineType, ...MachineType[]]),
        memoryBytes: z.number(),
        fits: z.boolean(),
        onDemandUsd: usd,
        spotUsd: usd,
      }),
    )
    .readonly()
    .describe('Machines of a deployment, least first; the cost is of the work alone, without their start.'),
  ways: z
    .array(
      z.object({
        changes: z.array(z.enum(CHANGES)).readonly(),
        memoryBytes: z.number(),
        crop: z
          .object({
            axis: z.int().min(0).max(2),
            slices: z.int().describe('Most slices along this axis.'),
            extentMm: z.number(),
          })
          .nullable(),
      }),
    )
    .readonly()
    .describe('What would make it fit, when memory is what it lacks: the least change first.'),
  calibrated: z
    .boolean()
    .describe(
      'Whether time, cost and GPU memory come from runs on a T4 (`hpb calibrate`). Memory was measured anyhow.',
    ),
  calibration: z
    .object({ device: z.string(), runs: z.int() })
    .nullable()
    .describe('The runs that time comes from; null when none of all its models was counted.'),
});
export type CaseEstimate = z.infer<typeof caseEstimate>;
export type Way = CaseEstimate['ways'][number];
export type Change = (typeof CHANGES)[number];
