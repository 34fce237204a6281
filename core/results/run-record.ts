import type { RunResult } from '../engine-protocol.ts';
import type { ModelId } from '../models/catalogue.ts';
import { DEMO_NOTICE } from './notices.ts';
import { rounded } from './stable-json.ts';

/** Stages of a case in the worker, in order (DESIGN.md 5). */
export const CASE_STAGES = ['fetch', 'check', 'segment', 'measure', 'mesh', 'package', 'publish'] as const;
export type CaseStage = (typeof CASE_STAGES)[number];

/** What run.json is made of. */
export interface RunRecordInput {
  readonly attempt: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Of the engine, as it resolved what was asked for: `cpu`, `cuda:0`, `mps`. */
  readonly device: string;
  readonly deviceName: string | null;
  /** Seconds of the stages that are over; the package that holds this record cannot know its own publishing. */
  readonly stageSeconds: Readonly<Partial<Record<CaseStage, number>>>;
  readonly models: ReadonlyMap<ModelId, RunResult>;
  /** Peak resident memory of the worker itself, bytes. */
  readonly workerPeakRssBytes: number;
  /** Null on a laptop. */
  readonly cost: MachineCost | null;
  readonly demo: boolean;
}

/** Machine time of a case at the list price on demand. */
export interface MachineCost {
  readonly machine: string;
  readonly usd: number;
}

/** run.json: what differs between two runs of the same case. */
export interface RunRecord {
  readonly schemaVersion: 1;
  readonly demo: boolean;
  readonly demoNotice: string | null;
  readonly attempt: number;
  readonly clock: { readonly startedAt: string; readonly endedAt: string };
  readonly device: string;
  readonly deviceName: string | null;
  /** Per model: the device that it ran on, by its own answer. */
  readonly devices: Readonly<Record<string, string>>;
  readonly seconds: {
    readonly total: number;
    readonly stages: Readonly<Record<string, number>>;
    /** Per model: its wall time, the forward passes inside, and its stages. */
    readonly models: Readonly<
      Record<
        string,
        {
          readonly total: number;
          readonly forward: number;
          readonly stages: Readonly<Record<string, number>>;
        }
      >
    >;
  };
  /** Tiles that the networks predicted, per model. */
  readonly tiles: Readonly<Record<string, number>>;
  readonly peakMemory: {
    readonly workerRssBytes: number;
    readonly engineRssBytes: number | null;
    /** Null on a CPU. */
    readonly engineVramBytes: number | null;
    /** Per model, likewise. */
    readonly modelVramBytes: Readonly<Record<string, number | null>>;
    /** Models whose sums did not fit on the card and lay in RAM, which takes longer. */
    readonly sumsInRam: readonly string[];
  };
  /** Up to its package, which holds this record; null on a laptop. */
  readonly cost: MachineCost | null;
}

/** Builds run.json of a case. */
export function buildRunRecord(input: RunRecordInput): RunRecord {
  const results = [...input.models];
  const perModel = <T>(pick: (result: RunResult) => T): Record<string, T> =>
    Object.fromEntries(results.map(([model, result]) => [model, pick(result)]));
  return {
    schemaVersion: 1,
    demo: input.demo,
    demoNotice: input.demo ? DEMO_NOTICE : null,
    attempt: input.attempt,
    clock: {
      startedAt: new Date(input.startedAt).toISOString(),
      endedAt: new Date(input.endedAt).toISOString(),
    },
    device: input.device,
    deviceName: input.deviceName,
    devices: perModel(({ device }) => device),
    seconds: {
      total: rounded((input.endedAt - input.startedAt) / 1000, 3),
      stages: roundedSeconds(input.stageSeconds),
      models: perModel(({ seconds, forwardSeconds }) => ({
        total: rounded(
          Object.values(seconds).reduce((sum, stage) => sum + stage, 0),
          3,
        ),
        forward: rounded(forwardSeconds, 3),
        stages: roundedSeconds(seconds),
      })),
    },
    tiles: perModel(({ tiles }) => tiles),
    peakMemory: {
      workerRssBytes: input.workerPeakRssBytes,
      engineRssBytes: highest(results.map(([, { peakRssBytes }]) => peakRssBytes)),
      engineVramBytes: highest(results.flatMap(([, { peakVramBytes }]) => peakVramBytes ?? [])),
      modelVramBytes: perModel(({ peakVramBytes }) => peakVramBytes),
      sumsInRam: results.flatMap(([model, { sumsInRam = false }]) => (sumsInRam ? [model] : [])),
    },
    cost: input.cost === null ? null : { ...input.cost, usd: rounded(input.cost.usd, 4) },
  };
}

function roundedSeconds(seconds: Readonly<Partial<Record<string, number>>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(seconds).flatMap(([stage, taken]) =>
      taken === undefined ? [] : [[stage, rounded(taken, 3)]],
    ),
  );
}

function highest(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}
