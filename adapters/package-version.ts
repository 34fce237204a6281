import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** `version` of the package.json at the root of the checkout or of the installed package. */
export function packageVersion(packageRoot: string): string {
  const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}
