import { z } from 'zod';

/**
 * The lines that the worker and the Python engine host exchange: one JSON document a line, requests on the
 * host's stdin, replies on the descriptor that was its stdout at start. Every request has an `id` of the
 * worker's choosing; the host answers it with any number of `progress` lines and exactly one `done` or `error`.
 */

/** Stages that an engine reports while it runs, in the order in which they can come. */
export const ENGINE_STAGES = ['load', 'crop', 'preprocess', 'predict', 'export'] as const;

const nnunetV1Call = z.object({
  engine: z.literal('nnunet-v1'),
  /** Folder that holds `fold_N/` and `plans.pkl` (…/nnUNetTrainerV2__nnUNetPlansv2.1). */
  modelFolder: z.string(),
  checkpoint: z.string(),
  folds: z.array(z.int().min(0).max(4)).min(1),
  /** Test-time augmentation: the mean over all mirrorings. */
  tta: z.boolean(),
});

const totalSegmentatorCall = z.object({
  engine: z.literal('totalsegmentator'),
  /** Folder that holds the `DatasetNNN_*` folders. */
  weightsRoot: z.string(),
  task: z.string(),
  /** Classes to keep (`--roi_subset`), or null for all. */
  roiSubset: z.array(z.string()).nullable(),
  fast: z.boolean(),
  /**
   * true: one label map with TotalSegmentator's label values (`--ml`); false: the binary mask (0/1) of the one
   * class in `roiSubset`, as the plain command writes it without `--ml`.
   */
  multilabel: z.boolean(),
});

/** What an engine is asked to run, complete: the host knows no model catalogue. */
export const engineCall = z.discriminatedUnion('engine', [nnunetV1Call, totalSegmentatorCall]);
export type EngineCall = z.infer<typeof engineCall>;

/** A line to the host. `open` reads a CT once; several models may run on its handle. */
export const engineRequest = z.discriminatedUnion('op', [
  /** Versions and devices; also proves that the host is alive. */
  z.object({ op: z.literal('hello'), id: z.int() }),
  /** Loads the networks of a call ahead of its run; other requests go before it. */
  z.object({ op: z.literal('load'), id: z.int(), call: engineCall }),
  z.object({ op: z.literal('open'), id: z.int(), ct: z.string() }),
  z.object({ op: z.literal('run'), id: z.int(), handle: z.string(), call: engineCall, output: z.string() }),
  z.object({ op: z.literal('close'), id: z.int(), handle: z.string() }),
  /** Ends request `target` with error CANCELLED at its next tile; answered at once. */
  z.object({ op: z.literal('cancel'), id: z.int(), target: z.int() }),
  z.object({ op: z.literal('shutdown'), id: z.int() }),
]);
export type EngineRequest = z.infer<typeof engineRequest>;

/** Answer to `hello`. */
export const helloResult = z.object({
  protocol: z.literal(1),
  /** Package name -> version of python, torch, nnunet, nnunetv2, totalsegmentator, numpy, SimpleITK, nibabel. */
  versions: z.record(z.string(), z.string()),
  /** The torch device that runs use, as resolved from `--device`: `cpu`, `cuda:0`, `mps`. */
  device: z.string(),
  /** Name of the card, or null on a CPU. */
  deviceName: z.string().nullable(),
  pid: z.int(),
});
export type HelloResult = z.infer<typeof helloResult>;

/** Answer to `open`. */
export const openResult = z.object({ handle: z.string() });

/** Answer to `run`: the mask lies at `output`, on the grid of the CT (same shape, same affine). */
export const runResult = z.object({
  device: z.string(),
  /** Seconds per stage; the sum is the wall time of the request. */
  seconds: z.partialRecord(z.enum(ENGINE_STAGES), z.number()),
  /** Seconds inside the forward passes of all networks (part of `crop` and `predict`). */
  forwardSeconds: z.number(),
  tiles: z.int(),
  /** Voxels per label value (as text) of the written mask, without background. */
  labelVoxels: z.record(z.string(), z.int()),
  /** True when the rough model found nothing to crop to: the mask is empty for that reason. */
  cropEmpty: z.boolean(),
  /** True when the card had not enough memory for the sums of the logits: the same masks, later. Not told before. */
  sumsInRam: z.boolean().optional(),
  /** Peak resident memory of the host so far, bytes. */
  peakRssBytes: z.int(),
  /** Peak GPU memory during this run, bytes; null on a CPU. */
  peakVramBytes: z.int().nullable(),
});
export type RunResult = z.infer<typeof runResult>;

/** A line from the host. */
export const engineReply = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('progress'),
    id: z.int(),
    stage: z.enum(ENGINE_STAGES),
    /** Tiles (or steps) done and in all, of this stage. */
    done: z.int(),
    total: z.int(),
  }),
  z.object({ event: z.literal('done'), id: z.int(), result: z.unknown() }),
  z.object({
    event: z.literal('error'),
    /** Null when the line that failed could not be read. */
    id: z.int().nullable(),
    /** A code of core/errors.ts. */
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).default({}),
  }),
]);
export type EngineReply = z.infer<typeof engineReply>;
