import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { venvPython } from '../../adapters/machine-paths.ts';
import { runProcess, type Environment } from '../../adapters/run-process.ts';
import { HpbError } from '../../core/errors.ts';
import type { Settings } from '../../core/settings.ts';
import type { EnvironmentMarker } from './environment-state.ts';
import type { EnvironmentStep } from './ensure-engine-environment.ts';
import { differences, type LockFile } from './lock-file.ts';
import { hasNvidiaGpu } from './nvidia.ts';
import { pipInstall } from './pip-install.ts';
import { offersTorch } from './torch-index.ts';

/** Folders that no engine imports; leaving them out halves the time of compiling. */
const TESTS = '[/\\\\](tests?|testing)[/\\\\]';

interface PackagesRequest {
  readonly venv: string;
  readonly lock: LockFile;
  readonly settings: Settings;
  readonly packageRoot: string;
  readonly environment: Environment;
  readonly onStep: (step: EnvironmentStep) => void;
  readonly signal?: AbortSignal | undefined;
  readonly hasGpu?: (environment: Environment) => Promise<boolean>;
}

interface Inspection {
  readonly python: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly broken: readonly string[];
}

/**
 * Installs what the lock pins into an environment, torch first, over whatever an interrupted run left there.
 *
 * @returns the marker to write.
 * @throws HpbError NETWORK_UNREACHABLE, DISK_FULL, ENGINES_INSTALL_FAILED, CANCELLED.
 */
export async function installPackages(request: PackagesRequest): Promise<EnvironmentMarker> {
  const { lock, onStep } = request;
  const before = await inspect(request, ['--repair']);
  if (differences(lock, before.versions).some((difference) => difference.startsWith('torch ')))
    await installTorch(request);
  await pip(request, 'packages', ['-r', lock.path], lock.versions.size);
  onStep({ step: 'check', message: 'Checking the installed packages', done: 0, total: 1 });
  const after = await inspect(request, []);
  const wrong = [...after.broken.map((name) => `${name} is broken`), ...differences(lock, after.versions)];
  if (wrong.length > 0) {
    throw new HpbError(
      'ENGINES_INSTALL_FAILED',
      `The engine environment is not whole: ${wrong.join(', ')}.`,
      {
        remedy: `Start again; if that does not help, delete ${request.venv} and start again.`,
        details: { wrong: wrong.join(', ') },
      },
    );
  }
  await compile(request);
  return { version: 1, lockSha256: lock.sha256, python: after.python, versions: { ...after.versions } };
}

/** The CUDA build where there is an NVIDIA card; else the CPU build, where PyTorch's index of them answers. */
async function installTorch(request: PackagesRequest): Promise<void> {
  const { lock, settings, environment, onStep, signal, hasGpu = hasNvidiaGpu } = request;
  const torch = `torch==${lock.versions.get('torch')!}`;
  const index = settings.HPB_TORCH_INDEX;
  const say = (message: string): void => onStep({ step: 'torch', message, done: 0, total: 1 });
  // Only on Linux does the default index hold CUDA builds.
  const probes = index !== 'none' && process.platform === 'linux' && !(await hasGpu(environment));
  if (probes) {
    say(`Asking ${index} for the CPU build of torch`);
    if (await offersTorch(index, { python: venvPython(request.venv), environment, signal })) {
      try {
        return await pip(request, 'torch', ['--no-deps', '--index-url', index, torch], 1);
      } catch (error) {
        if (!(error instanceof HpbError) || error.code === 'CANCELLED' || error.code === 'DISK_FULL')
          throw error;
        say(`${index} does not give ${torch}: taking the default index`);
      }
    } else say(`${index} does not answer: taking the default index`);
  }
  await pip(request, 'torch', ['-c', lock.path, torch], 1);
}

async function pip(
  request: PackagesRequest,
  step: 'torch' | 'packages',
  args: readonly string[],
  total: number,
): Promise<void> {
  const { venv, environment, signal, onStep } = request;
  await pipInstall({
    python: venvPython(venv),
    args,
    environment,
    signal,
    total,
    sitePackages: await sitePackagesOf(venv),
    onProgress: (message, done, all) => onStep({ step, message, done, total: all }),
  });
}

async function sitePackagesOf(venv: string): Promise<string> {
  if (process.platform === 'win32') return join(venv, 'Lib', 'site-packages');
  const [python] = (await readdir(join(venv, 'lib'))).filter((name) => name.startsWith('python3.'));
  return join(venv, 'lib', python ?? 'python3', 'site-packages');
}

async function inspect(request: PackagesRequest, args: readonly string[]): Promise<Inspection> {
  const script = join(request.packageRoot, 'container', 'engine', 'check_environment.py');
  const result = await runProcess({
    command: venvPython(request.venv),
    args: ['-I', script, ...args],
    environment: request.environment,
    signal: request.signal,
  });
  if (result.exitCode === 0) return JSON.parse(result.stdout) as Inspection;
  throw new HpbError(
    'ENGINES_INSTALL_FAILED',
    `The engine environment cannot be inspected:\n${result.tail.slice(-8).join('\n')}`,
    { remedy: `Delete ${request.venv} and start again.` },
  );
}

/** Bytecode for all packages, on all cores: else the first engine start compiles them one by one. */
async function compile(request: PackagesRequest): Promise<void> {
  const { venv, environment, signal, onStep } = request;
  onStep({ step: 'compile', message: 'Compiling the packages', done: 0, total: 1 });
  // Its exit code says that torch ships a file for Python 3.12 only; nothing depends on compiled files.
  await runProcess({
    command: venvPython(venv),
    args: ['-I', '-m', 'compileall', '-qq', '-j', '0', '-x', TESTS, await sitePackagesOf(venv)],
    environment,
    signal,
  });
}
