import type { Metafile } from 'esbuild';
import { bundleLambdas, type LambdaBundle } from '../../scripts/bundle-lambdas.ts';

/** Most bytes of the API as a Lambda, everything that it can ever load. */
export const API_BUNDLE_MOST_BYTES = 1_400_000;

/** Most bytes of it that are loaded at its start. */
export const API_START_MOST_BYTES = 800_000;

/** The API within the bundle of all functions. */
export interface ApiBundle extends LambdaBundle {
  /** Files that are loaded at its start. */
  readonly atStart: readonly string[];
  /** Those, and what is loaded when it is used. */
  readonly reached: readonly string[];
}

/** Bundles the functions in memory and finds what the API is. Paths are relative to the checkout. */
export async function bundleApi(): Promise<ApiBundle> {
  const bundle = await bundleLambdas('dist/lambdas', false);
  const outputs = bundle.metafile.outputs;
  const entry = 'dist/lambdas/api.mjs';
  const isLoaded = (kind: string): boolean => kind === 'import-statement';
  return {
    ...bundle,
    atStart: reachable(outputs, entry, isLoaded),
    reached: reachable(outputs, entry, () => true),
  };
}

function reachable(
  outputs: Metafile['outputs'],
  entry: string,
  follows: (kind: string) => boolean,
): readonly string[] {
  const found = new Set([entry]);
  for (const path of found)
    for (const { path: next, kind, external } of outputs[path]!.imports)
      if (external !== true && follows(kind)) found.add(next);
  return [...found];
}

/** Bytes of files of the bundle. */
export const bytesOf = ({ metafile }: LambdaBundle, paths: readonly string[]): number =>
  paths.reduce((sum, path) => sum + metafile.outputs[path]!.bytes, 0);

/** Sources that went into files of the bundle, relative to the checkout. */
export const sourcesOf = ({ metafile }: LambdaBundle, paths: readonly string[]): readonly string[] => [
  ...new Set(paths.flatMap((path) => Object.keys(metafile.outputs[path]!.inputs))),
];

/** Bytes by where they come from, most first: a package, or a folder of ours. */
export function bytesByOrigin(
  { metafile }: LambdaBundle,
  paths: readonly string[],
): readonly (readonly [string, number])[] {
  const totals = new Map<string, number>();
  for (const output of paths)
    for (const [path, { bytesInOutput }] of Object.entries(metafile.outputs[output]!.inputs)) {
      const origin = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path.split('/')[0]!;
      totals.set(origin, (totals.get(origin) ?? 0) + bytesInOutput);
    }
  return [...totals].sort(([, a], [, b]) => b - a);
}
