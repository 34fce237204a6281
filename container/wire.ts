import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { ComputePool } from '../adapters/compute-pool.ts';
import { EngineHost } from '../adapters/engine-host.ts';
import { FileObjectStore } from '../adapters/file-object-store.ts';
import type { HostCommand } from '../adapters/host-process.ts';
import { machinePaths, venvPython, type MachinePaths } from '../adapters/machine-paths.ts';
import { packageVersion } from '../adapters/package-version.ts';
import { memoryPresent, oomKillCount, systemClock } from '../adapters/system.ts';
import { receiptSigner } from '../adapters/receipt-signer.ts';
import { locateWeights } from '../adapters/weights-store.ts';
import { HpbError } from '../core/errors.ts';
import type { Weights } from '../core/engine-port.ts';
import type { Log, ObjectStore } from '../core/ports.ts';
import type { Settings } from '../core/settings.ts';
import type { WorkerPorts } from './case-context.ts';
import { openScratch, type ScratchRoots } from './scratch.ts';

/** What a worker is made of on this machine. */
export interface WireOptions {
  readonly settings: Settings;
  /** Root of the checkout or of the installed package. */
  readonly packageRoot: string;
  /** Of this process; only the names in `PASSED_ON` reach the engine. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Default: those that the settings name, else the demo networks; see `locateWeights`. */
  readonly weights?: Weights;
  /** Default: a folder of the data root, see `objectsRoot`. */
  readonly store?: ObjectStore;
}

/** A wired worker; `close` stops the engine, children included, and removes the scratch. */
export interface WiredWorker {
  readonly ports: WorkerPorts;
  readonly close: () => Promise<void>;
}

/** The laptop's object store. */
export const objectsRoot = ({ dataRoot }: MachinePaths): string => join(dataRoot, 'objects');

/** Makes the ports of a worker from the settings; the engine itself starts at its first use. */
export async function wireWorker(options: WireOptions): Promise<WiredWorker> {
  const { settings, packageRoot, log } = options;
  const paths = machinePaths(settings, packageRoot);
  const signer = await receiptSigner(settings);
  const scratch = await openScratch(scratchRoots(settings, paths), log);
  const engine = new EngineHost({
    host: engineHost(options, paths, scratch.temporary),
    log,
    clock: systemClock,
    oomKills: oomKillCount,
  });
  const compute = new ComputePool();
  const keepIntermediate = settings.HPB_KEEP_INTERMEDIATE;
  const ports: WorkerPorts = {
    store: options.store ?? new FileObjectStore(objectsRoot(paths)),
    engine,
    compute,
    weights: options.weights ?? installedWeights(settings, packageRoot),
    clock: systemClock,
    log,
    scratch,
    memoryPresent,
    serviceVersion: packageVersion(packageRoot),
    keepIntermediate,
    signer,
    imageDigest: settings.HPB_IMAGE_DIGEST ?? null,
    previews: settings.HPB_PREVIEWS,
  };
  return {
    ports,
    close: async () => {
      await engine.stop();
      await compute.close();
      await scratch.close(keepIntermediate);
    },
  };
}

function installedWeights(settings: Settings, packageRoot: string): Weights {
  return {
    locate: async (model, options) => {
      const { location, demo, sets } = await locateWeights(model, options, settings, packageRoot);
      const used = sets.map(({ id, files }) => ({
        id,
        demo,
        files: files.map(({ path, sha256 }) => ({ name: path, sha256 })),
      }));
      return { location, used };
    },
  };
}

function scratchRoots(settings: Settings, { dataRoot }: MachinePaths): ScratchRoots {
  return {
    in: settings.HPB_IN_ROOT ?? join(dataRoot, 'scratch', 'in'),
    out: settings.HPB_OUT_ROOT ?? join(dataRoot, 'scratch', 'out'),
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
    args: [join(packageRoot, 'container', 'engine', 'host.py'), '--device', engineDevice(settings)],
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
