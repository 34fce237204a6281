/**
 * Bundles the worker with everything it imports into one folder, for the container image:
 * `node scripts/bundle-worker.ts DIR` writes `DIR/worker.js` and `DIR/compute-worker.js`.
 */
import { join } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');

/** Modules whose place others take in our bundles: yazl sums up what it packs in JavaScript. */
export const REPLACED = { 'buffer-crc32': join(ROOT, 'adapters/native-crc32.ts') };

/** The threads load theirs by name from beside whoever starts them. */
export const COMPUTE_WORKER = { 'compute-worker': join(ROOT, 'adapters/compute-worker.ts') };

/** Bundles modules (name in `outdir` -> path) as the image runs them, each with all that it imports. */
export async function bundleForImage(
  entryPoints: Readonly<Record<string, string>>,
  outdir: string,
): Promise<void> {
  await build({
    entryPoints,
    outdir,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    alias: REPLACED,
    sourcemap: 'linked',
    sourcesContent: false,
    // Packages in the old module format ask for `require`.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    logLevel: 'warning',
  });
}

if (import.meta.main) {
  const [outdir = 'dist/container'] = process.argv.slice(2);
  await bundleForImage({ worker: join(ROOT, 'container/main.ts'), ...COMPUTE_WORKER }, outdir);
}
