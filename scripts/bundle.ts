/**
 * Bundles the `hpb` command into `dist/hpb.js` for the npm package: Node refuses type stripping under
 * node_modules. Runs as `prepack`.
 */
import { rm } from 'node:fs/promises';
import { build } from 'esbuild';

await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: ['cli/main.ts'],
  outfile: 'dist/hpb.js',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'linked',
  packages: 'external',
  logLevel: 'warning',
});
