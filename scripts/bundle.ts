/**
 * Bundles the `hpb` command, the worker of its service and the client, with the client's types, into `dist/` for the
 * npm package: Node refuses type stripping under node_modules. Runs as `prepack`.
 */
import { execFileSync } from 'node:child_process';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const CLIENT = 'cli/api/client.ts';
const SIGNING = 'cli/api/signing-fetch.ts';
const SCHEMA = 'cli/api/schema.d.ts';

await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: {
    hpb: 'cli/main.ts',
    worker: 'container/main.ts',
    'compute-worker': 'adapters/compute-worker.ts',
    client: CLIENT,
    'signing-fetch': SIGNING,
  },
  outdir: 'dist',
  bundle: true,
  // What only some commands need is loaded by them.
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'linked',
  packages: 'external',
  logLevel: 'warning',
});

const compiler =
  '--ignoreConfig --declaration --emitDeclarationOnly --outDir dist/types --rootDir . --target es2024 --module nodenext ' +
  '--strict --allowImportingTsExtensions --rewriteRelativeImportExtensions --skipLibCheck --types node';
execFileSync(
  process.execPath,
  [join(ROOT, 'node_modules/typescript/bin/tsc'), ...compiler.split(' '), CLIENT, SIGNING],
  {
    cwd: ROOT,
    stdio: 'inherit',
  },
);
// A declaration file is not emitted again.
await copyFile(SCHEMA, join('dist/types', SCHEMA));
