import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { venvPython } from '../../adapters/machine-paths.ts';
import { acquireProcessLock } from '../../adapters/process-lock.ts';
import { runProcess, type Environment } from '../../adapters/run-process.ts';
import { parseSettings } from '../../core/settings.ts';
import { findPython } from '../../local/engine-environment/find-python.ts';

/** A Python environment of ours beside that of the engines. */
export interface PythonEnvironment {
  /** Its folder in the checkout. */
  readonly venv: string;
  /** The pins. */
  readonly requirements: string;
  /** What is in it, for who waits. */
  readonly what: string;
}

/** Written last: says for which pins the environment is whole. */
const MARKER = 'hpb-emulators.sha256';

/**
 * Makes an environment when it is missing or its pins have changed, through the package index that pip is set to on
 * this machine. Returns its Python.
 *
 * @throws Error that says what failed and what to do.
 */
export async function pythonOf(made: PythonEnvironment, environment: Environment): Promise<string> {
  const { venv, requirements } = made;
  const pins = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (isWhole(venv, pins)) return venvPython(venv);
  const release = await acquireProcessLock(`${venv}.lock`);
  try {
    // Another run may have made it while we waited.
    if (!isWhole(venv, pins)) await make(made, pins, environment);
    return venvPython(venv);
  } finally {
    await release();
  }
}

function isWhole(venv: string, pins: string): boolean {
  const marker = join(venv, MARKER);
  return existsSync(venvPython(venv)) && existsSync(marker) && readFileSync(marker, 'utf8') === pins;
}

async function make(made: PythonEnvironment, pins: string, environment: Environment): Promise<void> {
  const { venv, requirements, what } = made;
  console.error(`Installing ${what} into ${venv} (once, half a minute)`);
  rmSync(venv, { recursive: true, force: true });
  const { command } = await findPython(parseSettings(environment), environment);
  await run(made, [command, '-I', '-m', 'venv', venv], environment);
  await run(made, [venvPython(venv), '-I', '-m', 'pip', 'install', '--no-input', '-r', requirements], {
    ...environment,
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_USER: '0',
  });
  writeFileSync(join(venv, MARKER), pins);
}

async function run(
  { what }: PythonEnvironment,
  [command = '', ...args]: readonly string[],
  environment: Environment,
): Promise<void> {
  const { exitCode, startError, tail } = await runProcess({ command, args, environment });
  if (exitCode === 0) return;
  throw new Error(
    `Could not install ${what}: ${[command, ...args].join(' ')} ended with ` +
      `${startError ?? exitCode}. Check pip's index and the network; a second run starts anew.\n${tail.join('\n')}`,
  );
}
