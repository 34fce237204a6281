import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/**
 * A virtual environment like `venv` whose Python starts with more variables, as a new folder: the engine host gets none
 * of ours, and benchmarks measure it as it is started.
 */
export async function venvWith(
  venv: string,
  folder: string,
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  const python = join(bin, 'python');
  const set = Object.entries(variables).map(([name, value]) => `${name}='${value}'`);
  await writeFile(python, `#!/bin/sh\n${set.join(' ')} exec '${resolve(venv, 'bin', 'python')}' "$@"\n`);
  await chmod(python, 0o755);
  await symlink(resolve(venv, 'lib'), join(folder, 'lib'));
  return folder;
}
