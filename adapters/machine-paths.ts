import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../core/settings.ts';

/** Where everything lies on this machine, after defaults. All paths are as the settings give them, else absolute. */
export interface MachinePaths {
  readonly dataRoot: string;
  /** The engine environment; see `ensureEngineEnvironment`. */
  readonly venv: string;
  /** Exact versions of the engines and of everything they import. */
  readonly lockFile: string;
  /** What `hpb models` keeps: weights, downloads in progress, recorded checksums. */
  readonly modelsRoot: string;
  /** nnU-Net v1's `RESULTS_FOLDER`. */
  readonly nnunetV1Root: string;
  /** Whether the user named `nnunetV1Root`; then nothing else is used in its place. */
  readonly nnunetV1Explicit: boolean;
  /** Folder that holds the `DatasetNNN_*` folders. */
  readonly totalSegmentatorRoot: string;
  readonly totalSegmentatorExplicit: boolean;
  /** Folder of the demo networks: `nnunet_v1/` and `totalseg/` below it. */
  readonly demoWeights: string;
}

/**
 * The places of an installation whose root is `packageRoot` (the checkout, or the installed package):
 * inside the checkout when run from one, else under the home folder of the user; the settings win.
 */
export function machinePaths(settings: Settings, packageRoot: string): MachinePaths {
  const inCheckout =
    existsSync(join(packageRoot, 'core', 'errors.ts')) && !packageRoot.includes('node_modules');
  const dataRoot =
    settings.HPB_DATA_ROOT ?? (inCheckout ? join(packageRoot, '.hpb') : join(homedir(), '.hpb'));
  const modelsRoot = settings.HPB_MODELS_ROOT ?? join(dataRoot, 'models');
  const home = settings.TOTALSEG_HOME;
  const namedTotalSegmentator =
    settings.TOTALSEG_WEIGHTS_PATH ?? (home === undefined ? undefined : join(home, 'nnunet', 'results'));
  const engine = join(packageRoot, 'container', 'engine');
  return {
    dataRoot,
    venv: settings.HPB_VENV ?? (inCheckout ? join(packageRoot, '.venv') : join(dataRoot, 'venv')),
    lockFile: join(engine, 'requirements.lock'),
    modelsRoot,
    nnunetV1Root: settings.RESULTS_FOLDER ?? join(modelsRoot, 'nnunet_v1'),
    nnunetV1Explicit: settings.RESULTS_FOLDER !== undefined,
    totalSegmentatorRoot: namedTotalSegmentator ?? join(modelsRoot, 'totalseg'),
    totalSegmentatorExplicit: namedTotalSegmentator !== undefined,
    demoWeights: join(engine, 'demo-weights'),
  };
}

/** The Python of a virtual environment. */
export function venvPython(venv: string): string {
  return process.platform === 'win32' ? join(venv, 'Scripts', 'python.exe') : join(venv, 'bin', 'python');
}
