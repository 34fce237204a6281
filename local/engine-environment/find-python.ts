import { runProcess, type Environment } from '../../adapters/run-process.ts';
import { HpbError } from '../../core/errors.ts';
import type { Settings } from '../../core/settings.ts';

/** Python versions that the pinned engines were tested with; numpy's pin excludes 3.10. */
export const supportedPythons: readonly string[] = ['3.11'];

/** A Python that can build the engine environment. */
export interface FoundPython {
  readonly command: string;
  /** Full version: `3.11.7`. */
  readonly version: string;
}

interface Candidate {
  readonly command: string;
  readonly version: string;
  readonly canMakeVenv: boolean;
}

const PROBE = `
import importlib.util, json, platform
print(json.dumps({"version": platform.python_version(), "canMakeVenv":
    all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip"))}))
`;
const PROBE_TIMEOUT_MS = 15_000;

/**
 * Finds the Python to build the engine environment with: `HPB_PYTHON` alone when it is set, else the first of
 * python3.11 and python3 on the PATH whose version fits.
 *
 * @throws HpbError PYTHON_MISSING, PYTHON_WRONG_VERSION (naming the versions found), PYTHON_NO_VENV.
 */
export async function findPython(
  settings: Settings,
  environment: Environment,
  signal?: AbortSignal,
): Promise<FoundPython> {
  const named = settings.HPB_PYTHON;
  const commands = named === undefined ? [...supportedPythons.map((v) => `python${v}`), 'python3'] : [named];
  const found: Candidate[] = [];
  for (const command of commands) {
    const candidate = await probe(command, environment, signal);
    if (candidate !== null && isSupported(candidate.version) && candidate.canMakeVenv) return candidate;
    if (candidate !== null) found.push(candidate);
  }
  throw refusal(commands, found);
}

function isSupported(version: string): boolean {
  return supportedPythons.includes(version.split('.').slice(0, 2).join('.'));
}

async function probe(
  command: string,
  environment: Environment,
  signal: AbortSignal | undefined,
): Promise<Candidate | null> {
  const result = await runProcess({
    command,
    args: ['-I', '-c', PROBE],
    environment,
    signal,
    timeoutMs: PROBE_TIMEOUT_MS,
  });
  if (result.exitCode !== 0) return null;
  try {
    const facts = JSON.parse(result.stdout) as Omit<Candidate, 'command'>;
    return { command, version: facts.version, canMakeVenv: facts.canMakeVenv };
  } catch {
    // Something of that name that is not a Python.
    return null;
  }
}

function refusal(commands: readonly string[], found: readonly Candidate[]): HpbError {
  const wanted = supportedPythons.join(' or ');
  const install =
    `Install Python ${wanted} with venv (Debian/Ubuntu: apt install python3.11 python3.11-venv; ` +
    `macOS: brew install python@3.11; or https://www.python.org/downloads/) or point HPB_PYTHON at one.`;
  const withoutVenv = found.find(({ version }) => isSupported(version));
  if (withoutVenv !== undefined) {
    const { command, version } = withoutVenv;
    const minor = version.split('.').slice(0, 2).join('.');
    return new HpbError(
      'PYTHON_NO_VENV',
      `${command} is Python ${version} but cannot make virtual environments: its venv or ensurepip module is missing.`,
      { remedy: `On Debian and Ubuntu: apt install python${minor}-venv. ${install}`, details: { version } },
    );
  }
  if (found.length > 0) {
    const versions = found.map(({ command, version }) => `${command} is ${version}`).join(', ');
    return new HpbError('PYTHON_WRONG_VERSION', `The engines need Python ${wanted}; ${versions}.`, {
      remedy: install,
      details: { found: found.map(({ version }) => version).join(', ') },
    });
  }
  return new HpbError('PYTHON_MISSING', `No Python that runs was found; tried ${commands.join(', ')}.`, {
    remedy: install,
  });
}
