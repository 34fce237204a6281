import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { venvPython } from '../../adapters/machine-paths.ts';
import { acquireProcessLock } from '../../adapters/process-lock.ts';
import { runProcess, type Environment } from '../../adapters/run-process.ts';
import { parseSettings } from '../../core/settings.ts';
import { findPython } from '../../local/engine-environment/find-python.ts';

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
/** Written last: says for which pins the environment is whole. */
const MARKER = 'hpb-emulators.sha256';

/**
 * The Python environment of the emulators, `.venv-emulators` in the checkout: made at the first run and when the
 * pins have changed, through the package index that pip is set to on this machine. Returns its Python.
 *
 * @throws Error that says what failed and what to do.
 */
export async function emulatorPython(root: string, environment: Environment): Promise<string> {
  const venv = join(root, '.venv-emulators');
  const pins = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex');
  if (isWhole(venv, pins)) return venvPython(venv);
  const release = await acquireProcessLock(`${venv}.lock`);
  try {
    // Another test run may have made it while we waited.
    if (!isWhole(venv, pins)) await make(venv, pins, environment);
    return venvPython(venv);
  } finally {
    await release();
  }
}

function isWhole(venv: string, pins: string): boolean {
  const marker = join(venv, MARKER);
  return existsSync(venvPython(venv)) && existsSync(marker) && readFileSync(marker, 'utf8') === pins;
}

async function make(venv: string, pins: string, environment: Environment): Promise<void> {
  console.error('Installing the emulators of the contract tests into .venv-emulators (once, half a minute)');
  rmSync(venv, { recursive: true, force: true });
  const { command } = await findPython(parseSettings(environment), environment);
  await run(command, ['-I', '-m', 'venv', venv], environment);
  await run(venvPython(venv), ['-I', '-m', 'pip', 'install', '--no-input', '-r', REQUIREMENTS], {
    ...environment,
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_USER: '0',
  });
  writeFileSync(join(venv, MARKER), pins);
}

async function run(command: string, args: readonly string[], environment: Environment): Promise<void> {
  const { exitCode, startError, tail } = await runProcess({ command, args, environment });
  if (exitCode === 0) return;
  throw new Error(
    `The emulators of the contract tests could not be installed: ${[command, ...args].join(' ')} ended with ` +
      `${startError ?? exitCode}. Check pip's index and the network; a second run starts anew.\n${tail.join('\n')}`,
  );
}
