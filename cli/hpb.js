#!/usr/bin/env node
// The `hpb` command. An installed package runs its bundle, because Node strips no types under node_modules;
// a checkout runs the source.
const installed = import.meta.url.includes('/node_modules/');
const [major] = process.versions.node.split('.').map(Number);

if (!installed && major < 24) {
  process.stderr.write(
    `hpb: Node ${process.versions.node} cannot run the source of this checkout.\n` +
      'Run `npm ci` once and then `npx hpb …`: npx uses the Node 24 that npm ci installs.\n',
  );
  process.exitCode = 2;
} else {
  const { main } = await import(installed ? '../dist/hpb.js' : './main.ts');
  await main(process.argv);
}
