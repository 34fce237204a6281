import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clientTypes } from './client-types.ts';

/**
 * Writes cli/api/schema.d.ts, the types of the client, from docs/reference/openapi.json: `npm run client`. With
 * `--check` it writes nothing and exits 1 when the file is not what the document says.
 */
const ROOT = join(import.meta.dirname, '../..');
const FILE = 'cli/api/schema.d.ts';

const types = await clientTypes(readFileSync(join(ROOT, 'docs/reference/openapi.json'), 'utf8'));

if (!process.argv.includes('--check')) {
  writeFileSync(join(ROOT, FILE), types);
  console.log(`${FILE} written`);
} else if (readFileSync(join(ROOT, FILE), 'utf8') !== types) {
  console.error(`${FILE} is not what docs/reference/openapi.json says: npm run client`);
  process.exitCode = 1;
}
