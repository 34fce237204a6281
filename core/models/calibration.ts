import { z } from 'zod';
import type { Dims, Grid } from '../volume/volume.ts';
import { cardMemoryNeeded, cardNetworkVoxels } from './card-memory.ts';
import { MODEL_IDS, modelEntry, type ModelId, type SegmentOptions } from './catalogue.ts';
import { engineWork, secondsNeeded } from './seconds.ts';

/** A straight line that was fitted: `base + slope x`. */
const line = z.object({ base: z.number().min(0), slope: z.number().min(0) });
export type Line = z.infer<typeof line>;

/** Figures of one model on one device, from runs. */
const modelFigures = z.object({
  runs: z.int().min(1),
  /** Wall seconds over `engineWork`. */
  seconds: line,
  /** Median of |fitted - measured| / measured seconds. */
  medianError: z.number().min(0),
  /** Bytes on the card over the voxels of the network's grid; null when no run told them. */
  cardBytes: line.nullable(),
});

/** What `hpb calibrate` writes and estimates use. */
export const calibration = z.object({
  schemaVersion: z.literal(1),
  /** Name of the card, else of the torch device. */
  device: z.string(),
  runs: z.int().min(1),
  /** By `figuresKey`. */
  models: z.record(z.string(), modelFigures),
});
export type Calibration = z.infer<typeof calibration>;

/** One model of one finished case. */
export interface MeasuredRun {
  readonly model: ModelId;
  readonly options: SegmentOptions;
  readonly grid: Grid;
  readonly device: string;
  /** Wall seconds of the engine for this model. */
  readonly seconds: number;
  /** Peak on the card; null on a CPU, or where the record does not tell it of each model. */
  readonly cardBytes: number | null;
}

/** The fast variant of a model is another network with figures of its own. */
export function figuresKey(model: ModelId, { fast }: Pick<SegmentOptions, 'fast'>): string {
  const { call } = modelEntry(model);
  return call.engine === 'totalsegmentator' && call.hasFast && fast ? `${model}-fast` : model;
}

/**
 * Fits seconds and GPU memory of every model to the runs on one device. Too few runs, or runs on grids of one size, keep
 * the shape of the uncalibrated figures and scale it.
 *
 * @param device Which one; default: that with the most runs. Null when there is no run on it.
 */
export function fitCalibration(runs: readonly MeasuredRun[], device = mostUsed(runs)): Calibration | null {
  const own = runs.filter((run) => run.device === device);
  if (device === null || own.length === 0) return null;
  const byModel = Map.groupBy(own, ({ model, options }) => figuresKey(model, options));
  const models = [...byModel]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, some]) => [key, figuresOf(some)]);
  return { schemaVersion: 1, device, runs: own.length, models: Object.fromEntries(models) };
}

/** Whether these figures are of the card that a deployment has. */
export function isOfT4({ device }: Pick<Calibration, 'device'>): boolean {
  return /\bT4\b/.test(device);
}

/** Seconds of one model by the runs that a calibration comes from; null when it has none of this model. */
export function calibratedSeconds(
  grid: Grid,
  model: ModelId,
  { options, figures }: { readonly options: SegmentOptions; readonly figures: Calibration },
): number | null {
  const found = figures.models[figuresKey(model, options)];
  return found === undefined ? null : at(found.seconds, engineWork(grid, model, options));
}

/**
 * Seconds of one model on machines that are `slowness` times as slow as a T4: by the calibration where it is of such
 * machines and knows the model, else uncalibrated. A T4's are scaled; another card's are taken for those of the machines
 * at hand, and a CPU's too unless the machines have a card.
 */
export function machineSeconds(
  grid: Grid,
  model: ModelId,
  {
    options,
    slowness,
    figures,
  }: {
    readonly options: SegmentOptions;
    readonly slowness: number;
    readonly figures: Calibration | null;
  },
): number {
  const fitted = figures === null ? null : calibratedSeconds(grid, model, { options, figures });
  if (figures === null || fitted === null) return slowness * secondsNeeded(grid, model, options);
  if (isOfT4(figures)) return slowness * fitted;
  const isOfThese = (figures.device === 'cpu') === slowness > 1;
  return isOfThese ? fitted : slowness * secondsNeeded(grid, model, options);
}

/** Bytes on the card, as `calibratedSeconds`. */
export function calibratedCardBytes(
  grid: Grid,
  model: ModelId,
  { options, figures }: { readonly options: SegmentOptions; readonly figures: Calibration },
): number | null {
  const found = figures.models[figuresKey(model, options)]?.cardBytes ?? null;
  return found === null ? null : Math.round(at(found, cardNetworkVoxels(grid, model, options)));
}

function mostUsed(runs: readonly MeasuredRun[]): string | null {
  const counts = [...Map.groupBy(runs, ({ device }) => device)].map(([device, some]) => ({
    device,
    count: some.length,
  }));
  return counts.sort((a, b) => b.count - a.count || (a.device < b.device ? -1 : 1))[0]?.device ?? null;
}

interface Point {
  readonly x: number;
  readonly y: number;
  /** What the uncalibrated figures say. */
  readonly expected: number;
}

function figuresOf(runs: readonly MeasuredRun[]): Calibration['models'][string] {
  const points = runs.map(({ grid, model, options, seconds }) => ({
    x: engineWork(grid, model, options),
    y: seconds,
    expected: secondsNeeded(grid, model, options),
  }));
  const seconds = fitLine(points);
  const errors = points.map(({ x, y }) => Math.abs(at(seconds, x) - y) / y).sort((a, b) => a - b);
  const cards = runs.flatMap(({ grid, model, options, cardBytes }) =>
    cardBytes === null
      ? []
      : [
          {
            x: cardNetworkVoxels(grid, model, options),
            y: cardBytes,
            expected: cardMemoryNeeded(grid, model, options),
          },
        ],
  );
  return {
    runs: runs.length,
    seconds,
    medianError: errors[Math.floor(errors.length / 2)]!,
    cardBytes: cards.length === 0 ? null : fitLine(cards),
  };
}

/** Grids that differ less than this, relative to their mean, say nothing about a slope. */
const LEAST_SPREAD = 0.2;
const LEAST_POINTS = 3;

function fitLine(points: readonly Point[]): Line {
  const mean = (of: (point: Point) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean((one) => one.x), mean((one) => one.y)];
  const variance = mean((one) => (one.x - x) ** 2);
  if (points.length < LEAST_POINTS || Math.sqrt(variance) < LEAST_SPREAD * x) return scaled(points);
  const slope = mean((one) => (one.x - x) * (one.y - y)) / variance;
  if (slope <= 0) return { base: y, slope: 0 };
  const base = y - slope * x;
  if (base >= 0) return { base, slope };
  return { base: 0, slope: mean((one) => one.x * one.y) / mean((one) => one.x ** 2) };
}

/** The uncalibrated line times the factor by which the runs differ from it. */
function scaled(points: readonly Point[]): Line {
  const factor = points.reduce((sum, { y, expected }) => sum + y / expected, 0) / points.length;
  const { base, slope } = uncalibratedLine(points);
  return { base: base * factor, slope: slope * factor };
}

function uncalibratedLine(points: readonly Point[]): Line {
  const [first] = points;
  const other = points.find(({ x }) => x !== first!.x);
  if (other === undefined) return { base: 0, slope: first!.expected / first!.x };
  const slope = (other.expected - first!.expected) / (other.x - first!.x);
  return { base: first!.expected - slope * first!.x, slope };
}

const at = ({ base, slope }: Line, x: number): number => base + slope * x;

const measuredModels = z.object({
  demo: z.boolean(),
  device: z.string(),
  deviceName: z.string().nullable(),
  devices: z.record(z.string(), z.string()).default({}),
  seconds: z.object({ models: z.record(z.string(), z.object({ total: z.number() })) }),
  peakMemory: z.object({ modelVramBytes: z.record(z.string(), z.number().nullable()).default({}) }),
});

const measuredCt = z.object({
  grid: z.object({
    dims: z.array(z.int().min(1)).length(3),
    spacingMm: z.array(z.number().positive()).length(3),
  }),
  provenance: z.object({
    models: z.array(
      z.object({
        id: z.string(),
        parameters: z
          .object({ fast: z.boolean(), folds: z.array(z.int()).min(1), tta: z.boolean() })
          .nullable(),
      }),
    ),
  }),
});

/**
 * The runs that run.json and metadata.json of a case tell of; `demo` instead when demo networks took part, whose time
 * says nothing. Null when the documents are none of ours.
 */
export function measuredRuns(
  runJson: unknown,
  metadataJson: unknown,
): readonly MeasuredRun[] | 'demo' | null {
  const [run, ct] = [measuredModels.safeParse(runJson), measuredCt.safeParse(metadataJson)];
  if (!run.success || !ct.success) return null;
  if (run.data.demo) return 'demo';
  const { device, deviceName, devices, seconds, peakMemory } = run.data;
  const [x, y, z] = ct.data.grid.spacingMm as [number, number, number];
  const grid: Grid = {
    dims: ct.data.grid.dims as unknown as Dims,
    affine: [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1],
  };
  return ct.data.provenance.models.flatMap(({ id, parameters }) => {
    const model = MODEL_IDS.find((known) => known === id);
    const taken = seconds.models[id]?.total;
    if (model === undefined || taken === undefined || taken <= 0 || parameters === null) return [];
    // A model that ran elsewhere than the engine greeted with has no name for its device.
    const own = devices[id] ?? device;
    const name = own === device ? (deviceName ?? device) : own;
    const cardBytes = peakMemory.modelVramBytes[id] ?? null;
    return [{ model, options: parameters, grid, device: name, seconds: taken, cardBytes }];
  });
}
