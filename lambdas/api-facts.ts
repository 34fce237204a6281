import type { ReadinessAnswer, VersionFacts } from '../adapters/http-app/deployment.ts';
import manifest from '../package.json' with { type: 'json' };
import { asHpbError } from '../core/errors.ts';
import { MODEL_IDS, modelEntry } from '../core/models/catalogue.ts';
import type { StartingPorts } from './wire.ts';

const OPTIONS = { folds: [0], tta: false } as const;

/** `GET /version` of a deployment. It runs no engine itself: `run.json` of every case names their versions. */
export async function versionFacts({ weights, ids }: StartingPorts): Promise<VersionFacts> {
  const pushed = await weights.sets();
  return {
    service: manifest.version,
    node: process.versions.node,
    engines: {},
    models: MODEL_IDS.map((id) => {
      const { title, licence, weights: setsOf } = modelEntry(id);
      const needed = [true, false].map((fast) => setsOf({ ...OPTIONS, fast }));
      const used = needed.find((sets) => sets.every((set) => pushed?.sets.has(set)));
      if (pushed === null || used === undefined)
        return { id, title, weights: 'missing', weightsVersion: null, licence };
      const checksums = used.flatMap((set) => pushed.sets.get(set)!);
      const weightsVersion = ids.sha256([...checksums].sort().join(',')).slice(0, 16);
      return { id, title, weights: pushed.kind, weightsVersion, licence };
    }),
  };
}

/** `GET /readinessz` of a deployment: whether a submit would be taken and started. */
export async function readinessFacts({
  index,
  executions,
  weights,
}: StartingPorts): Promise<ReadinessAnswer> {
  const found = await Promise.all([
    check('store', 'The jobs bucket cannot be read', async () => {
      await index.countActive();
      return true;
    }),
    check('workflow', 'Step Functions cannot be asked', async () => {
      await executions.describe(NO_EXECUTION);
      return true;
    }),
    check('weights', 'No weights have been pushed', async () => ((await weights.sets())?.sets.size ?? 0) > 0),
  ]);
  const errors = found.flatMap(({ error }) => (error === null ? [] : [error]));
  return {
    ready: errors.length === 0,
    checks: Object.fromEntries(found.map(({ name, error }) => [name, error === null])),
    errors,
  };
}

const NO_EXECUTION = 'readiness';

async function check(
  name: string,
  sentence: string,
  passes: () => Promise<boolean>,
): Promise<{ readonly name: string; readonly error: string | null }> {
  const failed = (why = ''): string => `${sentence}${why}: see docs/runbook.md.`;
  try {
    return { name, error: (await passes()) ? null : failed() };
  } catch (thrown) {
    return { name, error: failed(` (${asHpbError(thrown).code})`) };
  }
}
