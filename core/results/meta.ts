import { MODEL_IDS, modelEntry, type ModelId } from '../models/catalogue.ts';
import { rounded } from './stable-json.ts';

/** What meta.json is made of. */
export interface MetaInput {
  /** Name of the case as its owner knows it: this file goes to the caller only. */
  readonly caseId: string;
  /** Wall seconds of each model that ran. */
  readonly seconds: ReadonlyMap<ModelId, number>;
  /** When the case ended, milliseconds since 1970. */
  readonly endedAt: number;
  /** Whether demo weights took part. */
  readonly demo: boolean;
}

/** meta.json: the keys of the service this project replaces, then what it did not have. */
export interface Meta {
  readonly case_id: string;
  readonly labels_task008: Readonly<Record<string, string>>;
  /** Null when the model did not run. */
  readonly liver_seconds: number | null;
  readonly task008_seconds: number | null;
  /** Unix seconds. */
  readonly timestamp: number;
  /** Seconds of the other models that ran, as `<model>_seconds`; `weights: "DEMO"` when demo weights took part. */
  readonly [extra: string]: unknown;
}

/** Builds meta.json of a case; the old keys are always there. */
export function buildMeta({ caseId, seconds, endedAt, demo }: MetaInput): Meta {
  const secondsOf = (model: ModelId): number | null => {
    const taken = seconds.get(model);
    return taken === undefined ? null : rounded(taken, 2);
  };
  const others = MODEL_IDS.filter((id) => id !== 'liver' && id !== 'task008' && seconds.has(id));
  return {
    case_id: caseId,
    labels_task008: modelEntry('task008').labels,
    liver_seconds: secondsOf('liver'),
    task008_seconds: secondsOf('task008'),
    timestamp: Math.floor(endedAt / 1000),
    ...Object.fromEntries(others.map((id) => [`${id}_seconds`, secondsOf(id)])),
    ...(demo ? { weights: 'DEMO' } : {}),
  };
}
