import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { machinePaths, venvPython } from '../../adapters/machine-paths.ts';
import { acquireProcessLock } from '../../adapters/process-lock.ts';
import { runProcess, type Environment } from '../../adapters/run-process.ts';
import { HpbError } from '../../core/errors.ts';
import type { Settings } from '../../core/settings.ts';
import { requireSpace } from '../free-space.ts';
import {
  emptyEnvironment,
  isComplete,
  LOCK_NAME,
  markComplete,
  markUnfinished,
  refuseForeignFolder,
  SCRATCH_NAME,
} from './environment-state.ts';
import { findPython, supportedPythons } from './find-python.ts';
import { installPackages } from './install-packages.ts';
import { readLockFile, type LockFile } from './lock-file.ts';

/** Progress of the set-up; `done` of `total` counts packages where a step has several, else it is 0 of 1. */
export interface EnvironmentStep {
  readonly step: 'wait' | 'python' | 'venv' | 'torch' | 'packages' | 'check' | 'compile';
  readonly message: string;
  readonly done: number;
  readonly total: number;
}

/** What `ensureEngineEnvironment` needs. */
export interface EnvironmentRequest {
  readonly settings: Settings;
  /** Root of the checkout or of the installed package. */
  readonly packageRoot: string;
  /** Environment of the child processes: PATH, proxies, pip's own variables. */
  readonly environment: Environment;
  readonly onStep: (step: EnvironmentStep) => void;
  readonly signal?: AbortSignal | undefined;
  /** Default: `container/engine/requirements.lock`. */
  readonly lockFile?: string;
  /** Whether there is an NVIDIA card to install the CUDA build for. Default: what the driver says. */
  readonly hasGpu?: (environment: Environment) => Promise<boolean>;
  /** Free space that a fresh installation needs, bytes. Default: 6 GB. */
  readonly bytesNeeded?: number;
}

/** The environment that the engines run in. */
export interface EngineEnvironment {
  readonly venv: string;
  /** Its Python, absolute. */
  readonly python: string;
  /** False when it was there already. */
  readonly created: boolean;
}

const BYTES_NEEDED = 6e9;

/**
 * Makes sure that the engine environment is there and holds exactly what requirements.lock pins. When it is,
 * this takes milliseconds; when it is not, or an earlier start was interrupted, what is missing is installed.
 * Two starts at once wait for each other.
 *
 * @throws HpbError PYTHON_MISSING, PYTHON_WRONG_VERSION, PYTHON_NO_VENV, DISK_FULL, NETWORK_UNREACHABLE,
 * ENGINES_INSTALL_FAILED, OUTPUT_UNWRITABLE, SETTINGS_INVALID (HPB_VENV is another folder), CANCELLED. After each of them a second
 * call goes on where this one stopped.
 */
export async function ensureEngineEnvironment(request: EnvironmentRequest): Promise<EngineEnvironment> {
  const paths = machinePaths(request.settings, request.packageRoot);
  const venv = resolve(paths.venv);
  const python = venvPython(venv);
  const lock = await readLockFile(request.lockFile ?? paths.lockFile);
  if (await isComplete(venv, lock)) return { venv, python, created: false };
  await refuseForeignFolder(venv);
  try {
    const release = await lockFolder(venv, request);
    try {
      // Another start may have finished it while we waited.
      if (await isComplete(venv, lock)) return { venv, python, created: false };
      await install(venv, lock, request);
      return { venv, python, created: true };
    } finally {
      await release();
    }
  } catch (error) {
    throw folderError(error, venv);
  }
}

async function install(venv: string, lock: LockFile, request: EnvironmentRequest): Promise<void> {
  const environment = pipEnvironment(request.environment, venv);
  await preparePython(venv, { ...request, environment });
  const marker = await installPackages({ ...request, environment, venv, lock });
  await rm(join(venv, SCRATCH_NAME), { recursive: true, force: true });
  await markComplete(venv, marker);
}

function lockFolder(venv: string, request: EnvironmentRequest): Promise<() => Promise<void>> {
  return acquireProcessLock(join(venv, LOCK_NAME), {
    signal: request.signal,
    onWait: (pid) =>
      request.onStep({
        step: 'wait',
        message: `Waiting for another start (process ${pid}) that installs the engines`,
        done: 0,
        total: 1,
      }),
  });
}

/** An error of the file system on writing the environment, as an `HpbError`; any other error as it is. */
function folderError(thrown: unknown, venv: string): unknown {
  if (thrown instanceof HpbError) return thrown;
  const { code, syscall } = thrown as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return thrown;
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(venv, thrown);
  return new HpbError('OUTPUT_UNWRITABLE', `The engine environment ${venv} cannot be written (${code}).`, {
    remedy: 'Point HPB_VENV at a folder that you may write.',
    cause: thrown,
  });
}

function diskFull(venv: string, cause?: unknown): HpbError {
  return new HpbError('DISK_FULL', `The disk ran full while ${venv} was made.`, {
    remedy: 'Free some gigabytes, or point HPB_VENV at a folder on another disk, and start again.',
    cause,
  });
}

/** Makes the virtual environment, or keeps the one that is there when its Python and pip work. */
async function preparePython(venv: string, request: EnvironmentRequest): Promise<void> {
  const { onStep, signal, environment } = request;
  const usable = await isUsable(venv, request);
  if (!usable) {
    onStep({ step: 'python', message: 'Looking for Python', done: 0, total: 1 });
    const found = await findPython(request.settings, environment, signal);
    await requireSpace(venv, request.bytesNeeded ?? BYTES_NEEDED, {
      what: 'The engines',
      remedy: 'Free some space, or point HPB_VENV at a folder on another disk.',
    });
    await markUnfinished(venv);
    await emptyEnvironment(venv);
    await mkdir(join(venv, SCRATCH_NAME));
    onStep({ step: 'venv', message: `Making ${venv} with Python ${found.version}`, done: 0, total: 1 });
    const result = await runProcess({
      command: found.command,
      args: ['-I', '-m', 'venv', venv],
      environment,
      signal,
    });
    if (result.exitCode !== 0) throw venvFailure(venv, result.tail);
    return;
  }
  await markUnfinished(venv);
  await rm(join(venv, SCRATCH_NAME), { recursive: true, force: true });
  await mkdir(join(venv, SCRATCH_NAME));
}

async function isUsable(venv: string, request: EnvironmentRequest): Promise<boolean> {
  if (!existsSync(venvPython(venv))) return false;
  const probe = await runProcess({
    command: venvPython(venv),
    args: [
      '-I',
      '-c',
      'import sys, pip._internal.cli.main; print("%d.%d" % sys.version_info[:2], sys.prefix != sys.base_prefix)',
    ],
    environment: request.environment,
    signal: request.signal,
  });
  const [version, isolated] = probe.stdout.trim().split(' ');
  return probe.exitCode === 0 && isolated === 'True' && supportedPythons.includes(version ?? '');
}

function pipEnvironment(environment: Environment, venv: string): Environment {
  return {
    ...environment,
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_INPUT: '1',
    // A user who installs into the home folder by default must not do so here.
    PIP_USER: '0',
    PIP_REQUIRE_VIRTUALENV: '0',
    TMPDIR: join(venv, SCRATCH_NAME),
  };
}

function venvFailure(venv: string, tail: readonly string[]): HpbError {
  const text = tail.slice(-8).join('\n');
  if (/No space left on device|Disk quota exceeded/.test(text)) return diskFull(venv);
  if (/ensurepip/.test(text)) {
    return new HpbError('PYTHON_NO_VENV', `Python could not make the environment ${venv}:\n${text}`, {
      remedy: 'On Debian and Ubuntu: apt install python3.11-venv. Then start again.',
    });
  }
  return new HpbError('ENGINES_INSTALL_FAILED', `Python could not make the environment ${venv}:\n${text}`, {
    remedy: 'Read the lines above; another Python can be chosen with HPB_PYTHON.',
  });
}
