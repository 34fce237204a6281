import { join } from 'node:path';
import type { Environment } from '../../adapters/run-process.ts';
import { pythonOf } from './python-environment.ts';

/**
 * The Python environment of the emulators, `.venv-emulators` in the checkout: made at the first run and when the
 * pins have changed. Returns its Python.
 *
 * @throws Error that says what failed and what to do.
 */
export function emulatorPython(root: string, environment: Environment): Promise<string> {
  const venv = join(root, '.venv-emulators');
  const requirements = join(import.meta.dirname, 'requirements.txt');
  return pythonOf({ venv, requirements, what: 'the emulators of the contract tests' }, environment);
}
