import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { packageVersion } from '../adapters/package-version.ts';
import { REPLACED } from './bundle-worker.ts';

/**
 * Bundles the functions of lambdas/ into one folder: `node scripts/bundle-lambdas.ts OUT`. Every function is a module
 * there; what several need, and what is loaded only when it is used, lies beside them once.
 */
const ROOT = join(import.meta.dirname, '..');

/** Modules of lambdas/ that are no functions. */
const PARTS: ReadonlySet<string> = new Set([
  'api-facts.ts',
  'dropped-messages.ts',
  'environment.ts',
  'wire.ts',
  'workflow-function.ts',
]);

/** A file of the bundle, and what went into which. */
export interface LambdaBundle {
  readonly files: readonly { readonly path: string; readonly contents: Uint8Array }[];
  readonly metafile: Metafile;
}

/** Names of all functions, as their files in lambdas/ are called. */
export function lambdaNames(): readonly string[] {
  return readdirSync(join(ROOT, 'lambdas'))
    .filter((file) => file.endsWith('.ts') && !PARTS.has(file))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort();
}

/** Libraries of the CommonJS kind call `require`, which a module of Node does not have. */
const REQUIRE =
  "import{createRequire as hpbRequire}from'node:module';const require=hpbRequire(import.meta.url);";

/** zod brings its messages in fifty languages, a sixth of a bundle; ours are in English. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup: (bundling) =>
    bundling.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    })),
};

/** Of our package.json only the version is asked for, and a bundle holds a JSON file whole. */
const versionOnly: Plugin = {
  name: 'version-only',
  setup: (bundling) =>
    bundling.onLoad({ filter: /[\\/]package\.json$/ }, ({ path }) =>
      path === join(ROOT, 'package.json')
        ? { contents: JSON.stringify({ version: packageVersion(ROOT) }), loader: 'json' }
        : undefined,
    ),
};

/** Bundles for Node 24 as Lambda has it: minified modules, everything inside, the SDK too. `write`: into `folder`. */
export async function bundleLambdas(folder: string, write: boolean): Promise<LambdaBundle> {
  const { outputFiles = [], metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: lambdaNames().map((name) => `lambdas/${name}.ts`),
    outdir: folder,
    write,
    bundle: true,
    splitting: true,
    minify: true,
    metafile: true,
    sourcemap: 'linked',
    sourcesContent: false,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    mainFields: ['module', 'main'],
    outExtension: { '.js': '.mjs' },
    chunkNames: 'shared/[name]-[hash]',
    banner: { js: REQUIRE },
    alias: REPLACED,
    plugins: [englishOnly, versionOnly],
    logLevel: 'error',
  });
  return { files: outputFiles, metafile };
}

if (import.meta.main) await bundleLambdas(process.argv[2]!, true);
