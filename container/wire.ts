import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { collectSeldom } from '../adapters/collect-garbage.ts';
import { ComputePool } from '../adapters/compute-pool.ts';
import { EngineHost } from '../adapters/engine-host.ts';
import type { HostCommand } from '../adapters/host-process.ts';
import { machinePaths, venvPython, type MachinePaths } from '../adapters/machine-paths.ts';
import { packageVersion } from '../adapters/package-version.ts';
import { memoryPresent, oomKillCount, systemClock } from '../adapters/system.ts';
import { receiptSigner } from '../adapters/receipt-signer.ts';
import { HpbError } from '../core/errors.ts';
import type { Weights } from '../core/engine-port.ts';
import type { Log, Metrics, ObjectStore } from '../core/ports.ts';
import { meshFormatOf, type Settings } from '../core/settings.ts';
import type { WorkerPorts } from './case-context.ts';
import { machineCare, type MachineCare } from './machine-care.ts';
import { openScratch, scratchRoots } from './scratch.ts';
import { workerHome } from './worker-home.ts';
import { machineOf, WorkerMeter } from './worker-meter.ts';

/** What a worker is made of on this machine. */
export interface WireOptions {
  readonly settings: Settings;
  /** Root of the checkout or of the installed package. */
  readonly packageRoot: string;
  /** Of this process; only the names in `PASSED_ON` reach the engine. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Default: of a laptop those that the settings name, else the demo networks; of a deployment those of its bucket. */
  readonly weights?: Weights;
  /** Default: a folder of the data root, or the jobs bucket of the deployment. */
  readonly store?: ObjectStore;
}

/** A wired worker; `close` stops the engine, children included, and removes the scratch. */
export interface WiredWorker {
  readonly ports: WorkerPorts;
  readonly metrics: Metrics;
  /** Null on a laptop, whose machine is its owner's. */
  readonly care: MachineCare | null;
  readonly close: () => Promise<void>;
}

/** Makes the ports of a worker from the settings; the engine itself starts at its first use. */
export async function wireWorker(options: WireOptions): Promise<WiredWorker> {
  const { packageRoot, environment, log } = options;
  collectSeldom();
  const home = await workerHome(options, ({ seconds }) => meter.weightsFetched(seconds));
  const { settings, metrics, deployed } = home;
  const meter: WorkerMeter = new WorkerMeter({ metrics, machine: machineOf(await memoryPresent()) });
  const paths = machinePaths(settings, packageRoot);
  const signer = await receiptSigner(settings);
  const scratch = await openScratch(scratchRoots(settings, paths), log, { inContainers: deployed });
  const engine = new EngineHost({
    host: engineHost({ settings, packageRoot, environment }, paths, scratch.temporary),
    log,
    clock: systemClock,
    oomKills: oomKillCount,
    recycleCases: settings.HPB_ENGINE_RECYCLE_CASES,
  });
  const compute = new ComputePool();
  const keepIntermediate = settings.HPB_KEEP_INTERMEDIATE;
  const ports: WorkerPorts = {
    store: home.store,
    engine,
    compute,
    weights: home.weights,
    clock: systemClock,
    log,
    scratch,
    memoryPresent,
    serviceVersion: packageVersion(packageRoot),
    keepIntermediate,
    signer,
    imageDigest: settings.HPB_IMAGE_DIGEST ?? null,
    meshFormat: meshFormatOf(settings),
    previews: settings.HPB_PREVIEWS,
    // The figures of a laptop are those of its jobs.
    ...(deployed && { meter }),
  };
  const care = { engine, meter, log, environment, device: settings.HPB_DEVICE, modelsRoot: paths.modelsRoot };
  return {
    ports,
    metrics,
    care: deployed ? machineCare(care) : null,
    close: async () => {
      await engine.stop();
      await compute.close();
      await scratch.close(keepIntermediate);
    },
  };
}

/** What of our environment the engine may see: where libraries lie and which GPUs are ours. */
const PASSED_ON = [
  'CUDA_VISIBLE_DEVICES',
  'LD_LIBRARY_PATH',
  'NVIDIA_VISIBLE_DEVICES',
  'SYSTEMROOT',
] as const;
const SYSTEM_PATH = ['/usr/local/bin', '/usr/bin', '/bin'] as const;

/** How the Python host is started: its device, threads, and an environment with nothing of ours in it. */
export function engineHost(
  { settings, packageRoot, environment }: Pick<WireOptions, 'settings' | 'packageRoot' | 'environment'>,
  { venv }: Pick<MachinePaths, 'venv'>,
  temporary: string,
): HostCommand {
  const python = venvPython(venv);
  const threads = settings.OMP_NUM_THREADS ?? availableParallelism();
  const passed = PASSED_ON.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    command: python,
    args: [
      join(packageRoot, 'container', 'engine', 'host.py'),
      '--device',
      engineDevice(settings),
      ...(settings.HPB_DETERMINISTIC ? ['--deterministic'] : []),
    ],
    environment: {
      ...Object.fromEntries(passed),
      PATH: [join(python, '..'), ...SYSTEM_PATH].join(delimiter),
      // The engines keep settings and caches in the home folder: they get one of their own.
      HOME: temporary,
      TMPDIR: temporary,
      LANG: 'C.UTF-8',
      OMP_NUM_THREADS: String(threads),
      MKL_NUM_THREADS: String(settings.MKL_NUM_THREADS ?? threads),
      // nnU-Net v1 checkpoints hold more than tensors (facts of torch >= 2.6).
      TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD: '1',
      PYTHONDONTWRITEBYTECODE: '1',
    },
  };
}

/** The device to ask for; `TOTALSEGMENTATOR_FORCE_CUDA` turns `auto` into `cuda`. */
function engineDevice({ HPB_DEVICE, TOTALSEGMENTATOR_FORCE_CUDA }: Settings): string {
  if (!TOTALSEGMENTATOR_FORCE_CUDA || HPB_DEVICE.startsWith('cuda')) return HPB_DEVICE;
  if (HPB_DEVICE === 'auto') return 'cuda';
  throw new HpbError(
    'SETTINGS_INVALID',
    `HPB_DEVICE=${HPB_DEVICE} contradicts TOTALSEGMENTATOR_FORCE_CUDA.`,
    {
      remedy: 'Unset one of the two.',
      details: { name: 'TOTALSEGMENTATOR_FORCE_CUDA' },
    },
  );
}
