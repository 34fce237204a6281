/**
 * Bundles the worker with everything it imports into one folder, for the container image:
 * `node scripts/bundle-worker.ts DIR` writes `DIR/worker.js` and `DIR/compute-worker.js`.
 */
import { build } from 'esbuild';

const [outdir = 'dist/container'] = process.argv.slice(2);

await build({
  // The threads load theirs by name from beside the worker.
  entryPoints: { worker: 'container/main.ts', 'compute-worker': 'adapters/compute-worker.ts' },
  outdir,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  sourcemap: 'linked',
  sourcesContent: false,
  // Packages in the old module format ask for `require`.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
