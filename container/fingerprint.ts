import { createHash } from 'node:crypto';
import { LAYOUT_VERSION } from '../core/layout.ts';
import type { ModelId } from '../core/models/catalogue.ts';
import type { LocatedWeights } from '../core/engine-port.ts';
import { stableJson } from '../core/results/stable-json.ts';
import type { MeshFormat } from '../core/results/meshed-structures.ts';
import type { CaseTask } from '../core/shard.ts';

/** What the result of a case depends on. */
export interface FingerprintInput {
  readonly inputSha256: string;
  readonly task: CaseTask;
  readonly weights: ReadonlyMap<ModelId, LocatedWeights>;
  readonly serviceVersion: string;
  /** Format in which meshes are written as well. */
  readonly meshes: MeshFormat | null;
}

/** Hash of input, models, options, weights and version: equal fingerprints give equal files. */
export function fingerprintOf({
  inputSha256,
  task,
  weights,
  serviceVersion,
  meshes,
}: FingerprintInput): string {
  const models = [...task.models].sort().map((model) => ({
    model,
    weights: weights.get(model)!.used.map(({ id, demo, files }) => ({
      id,
      demo,
      files: files.map(({ name, sha256 }) => `${name} ${sha256}`).sort(),
    })),
  }));
  const { fast, folds, tta } = task.options;
  const facts = {
    layout: LAYOUT_VERSION,
    serviceVersion,
    inputSha256,
    options: { fast, folds, tta },
    meshes,
    models,
  };
  return createHash('sha256').update(stableJson(facts)).digest('hex');
}
