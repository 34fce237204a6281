import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { createContext } from '../cli/context.ts';
import { buildProgram } from '../cli/program.ts';
import { metadataSchema } from '../core/results/metadata-schema.ts';
import { cliPage } from './reference/cli.ts';
import { costsPage } from './reference/costs.ts';
import { deploymentConfigPage } from './reference/deployment-config.ts';
import { engineProtocolPage } from './reference/engine-protocol.ts';
import { errorCodesPage } from './reference/error-codes.ts';
import { fuzzPage } from './reference/fuzz.ts';
import { metricsPage } from './reference/metrics.ts';
import { modelsPage } from './reference/models.ts';
import { openApiText } from './reference/openapi.ts';
import { qualityRulesPage } from './reference/quality-rules.ts';
import { settingsPage } from './reference/settings.ts';
import { workflowPage } from './reference/workflow.ts';

/**
 * Writes docs/reference from the schemas and tables of the code: `npm run docs`. With `--check` it writes nothing,
 * names the files that differ, and exits 1 when there are any.
 */
const ROOT = join(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'docs/reference');

/** Pages that other commands write from what they have measured. */
const MEASURED: ReadonlySet<string> = new Set(['fault-matrix.md']);

const { stdout, stderr } = process;
const context = createContext({ stdout, stderr, env: {} }, ROOT, new AbortController().signal);

const pages = new Map([
  ['cli.md', cliPage(buildProgram(context))],
  ['costs.md', costsPage()],
  ['deployment-config.md', deploymentConfigPage()],
  ['engine-protocol.md', engineProtocolPage()],
  ['error-codes.md', errorCodesPage()],
  ['fuzz.md', fuzzPage(join(ROOT, 'docs/fuzz.json'))],
  ['metadata.schema.json', `${JSON.stringify(z.toJSONSchema(metadataSchema), null, 2)}\n`],
  ['metrics.md', metricsPage()],
  ['models.md', modelsPage()],
  ['openapi.json', openApiText()],
  ['quality-rules.md', qualityRulesPage()],
  ['settings.md', settingsPage()],
  ['workflow.md', workflowPage()],
]);

mkdirSync(FOLDER, { recursive: true });
const present = new Map(
  readdirSync(FOLDER)
    .filter((name) => !MEASURED.has(name))
    .map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')]),
);
const names = [...new Set([...pages.keys(), ...present.keys()])].sort();
const stale = names.filter((name) => pages.get(name) !== present.get(name));

if (process.argv.includes('--check')) {
  for (const name of stale) console.error(`docs/reference/${name} is not what the code says: npm run docs`);
  if (stale.length > 0) process.exitCode = 1;
} else {
  for (const name of stale) {
    const text = pages.get(name);
    if (text === undefined) rmSync(join(FOLDER, name));
    else writeFileSync(join(FOLDER, name), text);
    console.log(`docs/reference/${name} ${text === undefined ? 'removed' : 'written'}`);
  }
}
