import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { env } from 'node:process';
import { EngineHost } from '../adapters/engine-host.ts';
import { jsonLog } from '../adapters/json-log.ts';
import { machinePaths, venvPython } from '../adapters/machine-paths.ts';
import { runProcess } from '../adapters/run-process.ts';
import { oomKillCount, systemClock } from '../adapters/system.ts';
import { locateWeights } from '../adapters/weights-store.ts';
import { engineHost } from '../container/wire.ts';
import { HpbError } from '../core/errors.ts';
import type { WeightsLocation } from '../core/models/catalogue.ts';
import { weightSet } from '../core/models/weights.ts';
import { parseSettings, type Settings } from '../core/settings.ts';

/** What a benchmark runs on: CPU only, the same threads and weights for all sides. */
export interface BenchMachine {
  readonly settings: Settings;
  readonly venv: string;
  readonly weights: WeightsLocation;
  readonly weightsKind: 'demo' | 'real' | 'full-size random';
  /** `OMP_NUM_THREADS`, else all cores. */
  readonly threads: number;
}

/** Root of the checkout. */
export const PACKAGE_ROOT = resolve(import.meta.dirname, '..');

/**
 * This machine with its demo networks, or with the installed real ones when `HPB_WEIGHTS=real`; `auto` means
 * demo here, lest one model runs on real and the next on demo weights.
 */
export async function benchMachine(): Promise<BenchMachine> {
  const given = parseSettings(env);
  const weightsKind = given.HPB_WEIGHTS === 'real' ? 'real' : 'demo';
  const threads = given.OMP_NUM_THREADS ?? availableParallelism();
  const settings: Settings = {
    ...given,
    HPB_WEIGHTS: weightsKind,
    HPB_DEVICE: 'cpu',
    TOTALSEGMENTATOR_FORCE_CUDA: false,
    OMP_NUM_THREADS: threads,
    MKL_NUM_THREADS: threads,
  };
  const options = { fast: false, folds: [0], tta: false };
  const v1 = await locateWeights('task008', options, settings, PACKAGE_ROOT);
  const v2 = await locateWeights('totalseg', options, settings, PACKAGE_ROOT);
  const weights = {
    nnunetV1ModelFolder: v1.location.nnunetV1ModelFolder,
    totalSegmentatorRoot: v2.location.totalSegmentatorRoot,
  };
  return { settings, venv: machinePaths(settings, PACKAGE_ROOT).venv, weights, weightsKind, threads };
}

/** The engine host as the worker starts it; `home` is a folder for its scratch. It starts at its first use. */
export function warmEngine(machine: BenchMachine, home: string): EngineHost {
  mkdirSync(home, { recursive: true });
  const { settings, venv } = machine;
  const write = (line: string): void => {
    process.stderr.write(line);
  };
  return new EngineHost({
    host: engineHost({ settings, packageRoot: PACKAGE_ROOT, environment: env }, { venv }, home),
    log: jsonLog({ level: 'warn', write, clock: systemClock }),
    clock: systemClock,
    oomKills: oomKillCount,
  });
}

/** Task008's real spacing, mm (z, y, x). */
export const TASK008_SPACING = ['1.5', '0.8', '0.8'] as const;
/** 3 mm leaves a handful of patches on the small phantom. */
const AFFORDABLE_SPACING = ['3', '3', '3'] as const;

/**
 * The same machine with random weights of the real networks' size, written below `folder` (about 1 GB); see
 * bench/full-size/weights.py.
 *
 * @param task008Spacing mm (z, y, x) of the network for Task008
 * @throws HpbError UNEXPECTED with the script's last lines when it fails.
 */
export async function withFullSizeWeights(
  machine: BenchMachine,
  folder: string,
  task008Spacing: readonly string[] = AFFORDABLE_SPACING,
): Promise<BenchMachine> {
  const script = join(PACKAGE_ROOT, 'bench', 'full-size', 'weights.py');
  const { exitCode, tail } = await runProcess({
    command: venvPython(machine.venv),
    args: [script, folder, '--task008-spacing', ...task008Spacing],
    environment: env,
  });
  if (exitCode !== 0) {
    throw new HpbError('UNEXPECTED', `Writing full-size weights failed:\n${tail.join('\n')}`, {
      remedy: `Run it by hand: ${script}`,
    });
  }
  const { folder: task, trainer } = weightSet('task008');
  const weights = {
    nnunetV1ModelFolder: join(folder, 'nnunet_v1', task, trainer),
    totalSegmentatorRoot: join(folder, 'totalseg'),
  };
  return { ...machine, weights, weightsKind: 'full-size random' };
}
