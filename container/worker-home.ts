import { join } from 'node:path';
import { FileObjectStore } from '../adapters/file-object-store.ts';
import { JsonlMetrics } from '../adapters/jsonl-metrics.ts';
import { machinePaths, type MachinePaths } from '../adapters/machine-paths.ts';
import { systemClock } from '../adapters/system.ts';
import { locateWeights } from '../adapters/weights-store.ts';
import type { Weights } from '../core/engine-port.ts';
import type { Metrics, ObjectStore } from '../core/ports.ts';
import type { Settings } from '../core/settings.ts';
import type { WireOptions } from './wire.ts';

/** What differs between a worker of a laptop and one of a deployment. */
export interface WorkerHome {
  readonly store: ObjectStore;
  readonly weights: Weights;
  readonly metrics: Metrics;
  /** With what is right for a home where nobody has set it. */
  readonly settings: Settings;
  /** Whether the machine is one of a deployment: its own, for one shard at a time, and paid for. */
  readonly deployed: boolean;
}

/** Seconds that weights took to come to this machine; only workers of a deployment fetch any. */
export type OnWeights = (fetched: { readonly seconds: number; readonly bytes: number }) => void;

/** The laptop's object store. */
export const objectsRoot = ({ dataRoot }: Pick<MachinePaths, 'dataRoot'>): string =>
  join(dataRoot, 'objects');

/** Where the laptop's figures go. */
export const metricsFile = ({ dataRoot }: Pick<MachinePaths, 'dataRoot'>): string =>
  join(dataRoot, 'metrics.jsonl');

/** Whether a worker with this environment belongs to a deployment: its jobs bucket is named. */
export const isDeployed = ({ HPB_JOBS_BUCKET: bucket }: WireOptions['environment']): boolean =>
  bucket !== undefined && bucket !== '';

/**
 * The home of a worker: a deployment, or this machine.
 *
 * @throws HpbError SETTINGS_INVALID for a deployment that names no models bucket.
 */
export async function workerHome(options: WireOptions, onWeights: OnWeights): Promise<WorkerHome> {
  if (!isDeployed(options.environment)) return laptop(options);
  // The SDK takes longer to load than everything else of a worker.
  const { deployedHome } = await import('./deployed-home.ts');
  return deployedHome(options, onWeights);
}

function laptop({ settings, packageRoot, store, weights }: WireOptions): WorkerHome {
  const paths = machinePaths(settings, packageRoot);
  return {
    store: store ?? new FileObjectStore(objectsRoot(paths)),
    weights: weights ?? installedWeights(settings, packageRoot),
    metrics: new JsonlMetrics({ path: metricsFile(paths), clock: systemClock }),
    settings,
    deployed: false,
  };
}

/** Weights of this machine, see `locateWeights`. */
export function installedWeights(settings: Settings, packageRoot: string): Weights {
  return {
    locate: async (model, options) => {
      const { location, demo, sets } = await locateWeights(model, options, settings, packageRoot);
      const used = sets.map(({ id, files }) => ({
        id,
        demo,
        files: files.map(({ path, sha256 }) => ({ name: path, sha256 })),
      }));
      return { location, used };
    },
  };
}
