import { createHash } from 'node:crypto';
import { access, constants, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { machinePaths } from '../../adapters/machine-paths.ts';
import type { ReadinessAnswer, VersionFacts } from '../../adapters/http-app/deployment.ts';
import { MODEL_IDS, modelEntry } from '../../core/models/catalogue.ts';
import type { Settings } from '../../core/settings.ts';
import { readMarker } from '../engine-environment/environment-state.ts';
import { listModels } from '../models/list-models.ts';
import { freeBytesAt } from '../free-space.ts';

/** What the facts are told of. */
export interface ServiceFactsOptions {
  readonly settings: Settings;
  readonly packageRoot: string;
  readonly serviceVersion: string;
}

/** Packages of the engine environment that make a mask what it is. */
const ENGINES = ['torch', 'nnunet', 'nnunetv2', 'totalsegmentator', 'simpleitk', 'nibabel', 'numpy'] as const;

/** Versions of service, engines, models and weights; starts no engine. */
export async function versionFacts(options: ServiceFactsOptions): Promise<VersionFacts> {
  const { settings, packageRoot, serviceVersion } = options;
  const marker = await readMarker(machinePaths(settings, packageRoot).venv);
  const { models, sets } = await listModels({ settings, packageRoot });
  const demo = await demoChecksums(machinePaths(settings, packageRoot).demoWeights);
  const engines = ENGINES.flatMap((name) => {
    const version = marker?.versions[name];
    return version === undefined ? [] : [[name, version] as const];
  });
  return {
    service: serviceVersion,
    node: process.versions.node,
    engines: Object.fromEntries(engines),
    models: MODEL_IDS.map((id) => {
      const { title, licence } = modelEntry(id);
      const { variants } = models.find((model) => model.id === id)!;
      const used =
        variants.find(({ weights }) => weights === 'real') ??
        variants.find(({ weights }) => weights === 'demo');
      if (used === undefined) return { id, title, weights: 'missing', weightsVersion: null, licence };
      const { weights } = used;
      const checksums = used.sets.flatMap((set) =>
        weights === 'demo'
          ? (demo[set] ?? [])
          : Object.values(sets.find((listed) => listed.id === set)?.sha256 ?? {}),
      );
      return { id, title, weights, weightsVersion: versionOf(checksums), licence };
    }),
  };
}

/** One name for all files of weights: the same files, the same name; null when no checksum was recorded. */
function versionOf(checksums: readonly string[]): string | null {
  if (checksums.length === 0) return null;
  return createHash('sha256')
    .update([...checksums].sort().join())
    .digest('hex')
    .slice(0, 16);
}

const demoManifest = z.object({
  sets: z.record(z.string(), z.object({ files: z.record(z.string(), z.object({ sha256: z.string() })) })),
});

/** Checksums of the demo weights: set -> one of each file; empty where there are none. */
async function demoChecksums(folder: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const text = await readFile(join(folder, 'manifest.json'), 'utf8').catch(() => '{"sets":{}}');
  const { sets } = demoManifest.parse(JSON.parse(text));
  return Object.fromEntries(
    Object.entries(sets).map(([id, { files }]) => [id, Object.values(files).map(({ sha256 }) => sha256)]),
  );
}

/** Whether the service can do its work now: engines, weights, folders, disk. */
export async function readinessFacts(options: ServiceFactsOptions): Promise<ReadinessAnswer> {
  const { settings, packageRoot } = options;
  const { venv, dataRoot } = machinePaths(settings, packageRoot);
  const { models } = await listModels({ settings, packageRoot });
  const usable = models.some(({ variants }) => variants.some(({ weights }) => weights !== 'missing'));
  const found: readonly (readonly [name: string, passed: boolean, error: string])[] = [
    ['engines', (await readMarker(venv)) !== null, 'The engines are not installed: run `hpb setup`.'],
    ['weights', usable, 'No model has its weights: see `hpb models list`.'],
    ['dataRoot', await isWritable(dataRoot), 'The data root cannot be written to: see HPB_DATA_ROOT.'],
    [
      'disk',
      (await freeBytesAt(dataRoot)) >= settings.HPB_MIN_FREE_BYTES,
      'The disk has less free than HPB_MIN_FREE_BYTES: remove finished jobs.',
    ],
  ];
  const errors = found.flatMap(([, passed, error]) => (passed ? [] : [error]));
  const checks = Object.fromEntries(found.map(([name, passed]) => [name, passed]));
  return { ready: errors.length === 0, checks, errors };
}

async function isWritable(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
