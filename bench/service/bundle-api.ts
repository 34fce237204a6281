import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { PACKAGE_ROOT } from '../warm-engine.ts';

/** Source of the API as a Lambda holds it. */
export const API_ENTRY = 'bench/service/api-lambda.ts';
/** Most bytes of its bundle. */
export const API_BUNDLE_MOST_BYTES = 1_400_000;

/** A bundle and what went into it. */
export interface Bundle {
  readonly code: Uint8Array;
  readonly metafile: Metafile;
}

/** Libraries of the CommonJS kind call `require`, which a module of Node does not have. */
const REQUIRE =
  "import{createRequire as hpbRequire}from'node:module';const require=hpbRequire(import.meta.url);";

/** Bundles an entry point (relative to the checkout) as a Lambda of Node 24 is: one minified module, the SDK inside. */
export async function bundleForLambda(entry: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: PACKAGE_ROOT,
    entryPoints: [entry],
    outfile: 'api.mjs',
    write: false,
    bundle: true,
    minify: true,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    mainFields: ['module', 'main'],
    banner: { js: REQUIRE },
    logLevel: 'error',
  });
  return { code: outputFiles[0]!.contents, metafile };
}

/** Bytes of a bundle by where they come from, most first: a package, or a folder of ours. */
export function bytesByOrigin({ outputs }: Metafile): readonly (readonly [string, number])[] {
  const totals = new Map<string, number>();
  for (const { inputs } of Object.values(outputs))
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const origin = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path.split('/')[0]!;
      totals.set(origin, (totals.get(origin) ?? 0) + bytesInOutput);
    }
  return [...totals].sort(([, a], [, b]) => b - a);
}

/** Where a bundle is written for a process to import it. */
export const bundleFile = (folder: string): string => join(folder, 'api.mjs');
