#!/usr/bin/env node
// The `hpb` command. An installed package runs its bundle, because Node strips no types under node_modules;
// a checkout runs the source.
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

const installed = import.meta.url.includes('/node_modules/');
const [major] = process.versions.node.split('.').map(Number);

if (!installed && major < 24) {
  process.stderr.write(
    `hpb: Node ${process.versions.node} cannot run the source of this checkout.\n` +
      'Run `npm ci` once and then `npx hpb …`: npx uses the Node 24 that npm ci installs.\n',
  );
  process.exitCode = 2;
} else {
  serveWithSmallNursery();
  // The source is stripped and compiled once, not at every start; our own folder, since a shared one could be anybody's.
  if (!installed)
    nodeModule.enableCompileCache?.(fileURLToPath(new URL('../node_modules/.cache/hpb', import.meta.url)));
  const { main } = await import(installed ? '../dist/hpb.js' : './main.ts');
  await main(process.argv);
}

/**
 * The service moves large files through short-lived buffers, which let V8's nursery grow to 60 MB for nothing; its size can
 * be set at the start of a process only. Where a process cannot replace itself, it stays as it is.
 */
function serveWithSmallNursery() {
  const flag = '--max-semi-space-size=2';
  const { argv, execArgv, execPath, env } = process;
  if (argv[2] !== 'serve' || execArgv.includes(flag) || process.execve === undefined) return;
  process.execve(execPath, [execPath, ...execArgv, flag, ...argv.slice(1)], env);
}
