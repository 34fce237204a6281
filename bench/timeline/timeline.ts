import { z } from 'zod';
import { ENGINE_STAGES } from '../../core/engine-protocol.ts';
import { CASE_STAGES, type CaseStage } from '../../core/results/run-record.ts';

/** A stretch of time, s since the first stage of the first case began. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A stage of a case. */
export interface StageSpan extends Span {
  readonly stage: CaseStage;
}

/** A stage of the engine within a case's `segment`. */
export interface EngineSpan extends Span {
  readonly model: string;
  readonly stage: (typeof ENGINE_STAGES)[number];
}

/** One case, by its ordinal. */
export interface CaseTimeline {
  readonly caseId: string;
  readonly stages: readonly StageSpan[];
  readonly engine: readonly EngineSpan[];
}

/** Where the time of a worker went. */
export interface Timeline {
  readonly cases: readonly CaseTimeline[];
  readonly seconds: {
    /** From the first stage to the end of the last. */
    readonly wall: number;
    /** Of all stages of all cases: what they would take one after the other. */
    readonly serial: number;
    /** In which the engine had a case. */
    readonly engine: number;
  };
  /** Share of the time between its first and its last case in which the engine had one, 0 to 1. */
  readonly engineBusy: number;
}

const stageLine = z.object({
  time: z.iso.datetime(),
  event: z.literal('case:stage'),
  caseId: z.string(),
  stage: z.enum(CASE_STAGES),
  seconds: z.number(),
});
/** A run need not have every stage. */
const taken = z.number().default(0);
const engineLine = z.object({
  time: z.iso.datetime(),
  event: z.literal('case:stage'),
  caseId: z.string(),
  stage: z.literal('segment'),
  model: z.string(),
  load: taken,
  crop: taken,
  preprocess: taken,
  predict: taken,
  export: taken,
});
type EngineLine = z.infer<typeof engineLine>;

/** The timeline of a worker's log: JSON lines of level `debug`, of which it takes those of stages. */
export function timelineOf(log: string): Timeline {
  const documents = log.split('\n').map(parsed);
  const stages = documents.flatMap((line) => stageLine.safeParse(line).data ?? []);
  const runs = documents.flatMap((line) => engineLine.safeParse(line).data ?? []);
  const zero = Math.min(...stages.map(({ time, seconds }) => secondsOf(time) - seconds));
  const ids = [...new Set(stages.map(({ caseId }) => caseId))].sort();
  const cases = ids.map((caseId) => ({
    caseId,
    stages: stages
      .filter((line) => line.caseId === caseId)
      .map(({ stage, time, seconds }) => spanUntil(secondsOf(time) - zero, seconds, { stage })),
    engine: runs.filter((line) => line.caseId === caseId).flatMap((line) => engineSpans(line, zero)),
  }));
  return { cases, ...totals(cases.flatMap((one) => one.stages)) };
}

function totals(spans: readonly StageSpan[]): Pick<Timeline, 'seconds' | 'engineBusy'> {
  const engine = spans.filter(({ stage }) => stage === 'segment');
  const reach = (of: readonly Span[]): number =>
    of.length === 0 ? 0 : Math.max(...of.map(({ to }) => to)) - Math.min(...of.map(({ from }) => from));
  const sum = (of: readonly Span[]): number => of.reduce((total, { from, to }) => total + to - from, 0);
  const seconds = { wall: rounded(reach(spans)), serial: rounded(sum(spans)), engine: rounded(sum(engine)) };
  return { seconds, engineBusy: engine.length === 0 ? 0 : rounded(sum(engine) / reach(engine)) };
}

/** The stages of one run, which follow one another up to its line. */
function engineSpans(line: EngineLine, zero: number): readonly EngineSpan[] {
  const seconds = ENGINE_STAGES.map((stage) => line[stage]);
  let at = secondsOf(line.time) - zero - seconds.reduce((sum, one) => sum + one, 0);
  return ENGINE_STAGES.map((stage, index) => {
    at += seconds[index]!;
    return spanUntil(at, seconds[index]!, { model: line.model, stage });
  });
}

function spanUntil<T>(to: number, seconds: number, what: T): T & Span {
  return { ...what, from: rounded(Math.max(0, to - seconds)), to: rounded(Math.max(0, to)) };
}

const secondsOf = (time: string): number => Date.parse(time) / 1000;
const rounded = (value: number): number => Math.round(value * 1000) / 1000;

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
