import { constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';
import { machinePaths, venvPython, type MachinePaths } from '../adapters/machine-paths.ts';
import { runProcess, type Environment } from '../adapters/run-process.ts';
import { memoryPresent } from '../adapters/system.ts';
import { asHpbError } from '../core/errors.ts';
import type { Settings } from '../core/settings.ts';
import { readMarker } from './engine-environment/environment-state.ts';
import { findPython } from './engine-environment/find-python.ts';
import { differences, readLockFile } from './engine-environment/lock-file.ts';
import { listNvidiaGpus, type NvidiaGpu } from './engine-environment/nvidia.ts';
import { freeBytesAt } from './free-space.ts';
import { listModels } from './models/list-models.ts';
import { bytesText } from './text.ts';

/** One finding; `remedy` is empty when all is well. */
export interface DoctorLine {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly found: string;
  readonly remedy: string;
}

/** What `hpb doctor --json` prints. */
export interface DoctorReport {
  /** False when a line is `fail`: then the engines cannot run. */
  readonly ok: boolean;
  readonly lines: readonly DoctorLine[];
}

/** Where to look. */
export interface DoctorRequest {
  readonly settings: Settings;
  readonly packageRoot: string;
  readonly environment: Environment;
  readonly signal?: AbortSignal | undefined;
  /** Default: what the check of a CT goes by. */
  readonly memoryPresent?: () => Promise<number>;
}

const MIN_NODE = 20;
const MEMORY_WARN = 8e9;
const DISK_WARN = 10e9;
const DISK_FAIL = 1e9;

/** Looks at everything a run needs on this machine and says what to do about what lacks; changes nothing. */
export async function runDoctor(request: DoctorRequest): Promise<DoctorReport> {
  const paths = machinePaths(request.settings, request.packageRoot);
  const gpus = await listNvidiaGpus(request.environment);
  const lines = [
    nodeLine(),
    ...(await engineLines(paths, request)),
    ...(await gpuLines(gpus, paths, request)),
    memoryLine(await (request.memoryPresent ?? memoryPresent)()),
    await diskLine(paths),
    await dataRootLine(paths),
    weightFoldersLine(paths),
    ...(await modelLines(request)),
  ];
  return { ok: lines.every(({ status }) => status !== 'fail'), lines };
}

const ok = (name: string, found: string): DoctorLine => ({ name, status: 'ok', found, remedy: '' });

function nodeLine(): DoctorLine {
  const { node } = process.versions;
  if (Number(node.split('.')[0]) >= MIN_NODE) return ok('Node', node);
  return { name: 'Node', status: 'fail', found: node, remedy: `Install Node ${MIN_NODE} or newer.` };
}

async function engineLines(paths: MachinePaths, request: DoctorRequest): Promise<readonly DoctorLine[]> {
  const marker = await readMarker(paths.venv);
  const lines = [await pythonLine(marker !== null, request)];
  if (marker === null) {
    const remedy =
      'Run `hpb setup` (or `npm start` in a checkout): it installs the engines or goes on where it stopped.';
    return [...lines, { name: 'Engines', status: 'fail', found: `not installed in ${paths.venv}`, remedy }];
  }
  const lock = await readLockFile(paths.lockFile);
  const wrong = differences(lock, marker.versions);
  const named = ['torch', 'nnunet', 'nnunetv2', 'totalsegmentator', 'numpy'];
  const found = named.map((name) => `${name} ${marker.versions[name] ?? 'missing'}`).join(', ');
  if (wrong.length === 0) return [...lines, ok('Engines', `Python ${marker.python}, ${found}`)];
  const remedy = 'Run `hpb setup`: it brings the engines to the pinned versions.';
  return [...lines, { name: 'Engines', status: 'fail', found: wrong.slice(0, 5).join(', '), remedy }];
}

async function pythonLine(installed: boolean, request: DoctorRequest): Promise<DoctorLine> {
  try {
    const { command, version } = await findPython(request.settings, request.environment, request.signal);
    return ok('Python', `${command}, ${version}`);
  } catch (thrown) {
    const error = asHpbError(thrown);
    if (error.code === 'CANCELLED') throw error;
    // Engines that are installed need no other Python.
    return {
      name: 'Python',
      status: installed ? 'warn' : 'fail',
      found: error.message,
      remedy: error.remedy,
    };
  }
}

const TORCH_QUERY = `
import json, torch
print(json.dumps({"cuda": torch.version.cuda, "usable": torch.cuda.is_available(),
    "architectures": torch.cuda.get_arch_list(), "version": torch.__version__}))
`;

interface TorchFacts {
  readonly version: string;
  /** CUDA version torch was built for; null for a CPU build. */
  readonly cuda: string | null;
  readonly usable: boolean;
  /** `sm_75`, … */
  readonly architectures: readonly string[];
}

async function gpuLines(
  gpus: readonly NvidiaGpu[],
  paths: MachinePaths,
  request: DoctorRequest,
): Promise<readonly DoctorLine[]> {
  const wanted =
    request.settings.TOTALSEGMENTATOR_FORCE_CUDA || request.settings.HPB_DEVICE.startsWith('cuda');
  if (gpus.length === 0) {
    if (!wanted) return [ok('GPU', 'no NVIDIA GPU: the engines run on the CPU')];
    const remedy =
      'Install the NVIDIA driver (nvidia-smi must work), or unset HPB_DEVICE and TOTALSEGMENTATOR_FORCE_CUDA.';
    return [{ name: 'GPU', status: 'fail', found: 'a GPU is asked for and none is there', remedy }];
  }
  const torch = await askTorch(paths, request);
  return gpus.map((gpu) => gpuLine(gpu, torch, wanted));
}

async function askTorch(paths: MachinePaths, request: DoctorRequest): Promise<TorchFacts | null> {
  const result = await runProcess({
    command: venvPython(resolve(paths.venv)),
    args: ['-I', '-c', TORCH_QUERY],
    environment: request.environment,
    signal: request.signal,
    timeoutMs: 60_000,
  });
  return result.exitCode === 0 ? (JSON.parse(result.stdout) as TorchFacts) : null;
}

/** The finding for one card; torch serves a card whose architecture, or an older one of its generation, it was built for. */
export function gpuLine(gpu: NvidiaGpu, torch: TorchFacts | null, wanted: boolean): DoctorLine {
  const name = `GPU ${gpu.name}`;
  const facts = `driver ${gpu.driver}, compute capability ${gpu.computeCapability}, ${gpu.memoryMib} MiB`;
  const status = wanted ? 'fail' : 'warn';
  if (torch === null)
    return { name, status, found: `${facts}; torch cannot be asked`, remedy: 'Run `hpb setup` first.' };
  if (torch.cuda === null) {
    const remedy =
      'Delete the engine environment and run `hpb setup`: with this GPU it installs the CUDA build.';
    return { name, status, found: `${facts}; torch ${torch.version} is a CPU build`, remedy };
  }
  if (!supportsCapability(torch.architectures, gpu.computeCapability)) {
    const found = `${facts}; torch ${torch.version} is built for ${torch.architectures.join(', ')}`;
    return {
      name,
      status,
      found,
      remedy: 'This card is too old or too new for the pinned torch: use HPB_DEVICE=cpu.',
    };
  }
  if (!torch.usable) {
    const found = `${facts}; torch ${torch.version} cannot use it`;
    return { name, status, found, remedy: `Update the NVIDIA driver to one that serves CUDA ${torch.cuda}.` };
  }
  return ok(name, `${facts}; torch ${torch.version} uses it`);
}

function supportsCapability(architectures: readonly string[], capability: string): boolean {
  const [major, minor] = capability.split('.').map(Number);
  return architectures.some((architecture) => {
    const [, kind, digits] = /^(sm|compute)_(\d+)/.exec(architecture) ?? [];
    if (digits === undefined) return false;
    const [builtMajor, builtMinor] = [Math.floor(Number(digits) / 10), Number(digits) % 10];
    // Binaries run on later minor versions of their generation, PTX on everything later.
    if (kind === 'compute' && major! > builtMajor) return true;
    return builtMajor === major && builtMinor <= minor!;
  });
}

function memoryLine(present: number): DoctorLine {
  const machine = totalmem();
  const limit =
    present < machine ? ` (the limit of this process; the machine has ${bytesText(machine)})` : '';
  const found = `${bytesText(present)}${limit}, ${availableParallelism()} cores`;
  if (present >= MEMORY_WARN) return ok('Memory', found);
  const remedy =
    'Large CTs will be refused: `hpb check <ct>` says what each needs. Use --fast, or a larger machine.';
  return { name: 'Memory', status: 'warn', found, remedy };
}

async function diskLine(paths: MachinePaths): Promise<DoctorLine> {
  const free = await freeBytesAt(paths.dataRoot);
  const found = `${bytesText(free)} free at ${paths.dataRoot}`;
  if (free >= DISK_WARN) return ok('Disk', found);
  const remedy = 'Free some space or point HPB_DATA_ROOT at another disk.';
  return { name: 'Disk', status: free < DISK_FAIL ? 'fail' : 'warn', found, remedy };
}

async function dataRootLine(paths: MachinePaths): Promise<DoctorLine> {
  let existing = resolve(paths.dataRoot);
  while (!existsSync(existing)) existing = dirname(existing);
  try {
    await access(existing, constants.W_OK);
    return ok('Data root', paths.dataRoot);
  } catch (error) {
    const found = `${paths.dataRoot} cannot be written (${(error as NodeJS.ErrnoException).code})`;
    return {
      name: 'Data root',
      status: 'fail',
      found,
      remedy: 'Point HPB_DATA_ROOT at a folder that you may write.',
    };
  }
}

/** TotalSegmentator's own commands delete nnU-Net v1's Task008 below the folder they take for theirs. */
function weightFoldersLine(paths: MachinePaths): DoctorLine {
  const [v1, ts] = [resolve(paths.nnunetV1Root), resolve(paths.totalSegmentatorRoot)];
  if (v1 !== ts) return ok('Weight folders', `nnU-Net v1 ${v1}, TotalSegmentator ${ts}`);
  return {
    name: 'Weight folders',
    status: 'fail',
    found: `RESULTS_FOLDER and TotalSegmentator's weights are one folder: ${v1}`,
    remedy:
      "Give them two folders: TotalSegmentator's own commands delete nnUNet/3d_fullres/Task008_HepaticVessel in theirs.",
  };
}

async function modelLines(request: DoctorRequest): Promise<readonly DoctorLine[]> {
  const { models } = await listModels(request);
  return models.flatMap(({ id, variants }) =>
    variants.map(({ fast, weights }): DoctorLine => {
      const name = `Weights ${id}${fast ? ' --fast' : ''}`;
      if (weights === 'real') return ok(name, 'installed');
      const remedy = `Run \`hpb models pull ${id}\` for the real weights.`;
      const found = weights === 'demo' ? 'DEMO networks only: not for real CTs' : 'not installed';
      return { name, status: 'warn', found, remedy };
    }),
  );
}
