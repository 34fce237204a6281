import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { env } from 'node:process';
import { runProcess } from '../adapters/run-process.ts';
import type { EngineCall } from '../core/engine-protocol.ts';
import { HpbError } from '../core/errors.ts';
import type { WeightsLocation } from '../core/models/catalogue.ts';
import { weightSet } from '../core/models/weights.ts';

/** What the plain commands need to know about this machine. */
export interface PlainSetup {
  /** The engine environment; its `bin` holds `nnUNet_predict` and `TotalSegmentator`. */
  readonly venv: string;
  /** The weights to compare with; they are copied, see `preparePlainTools`. */
  readonly weights: WeightsLocation;
  /** An empty folder of the caller's; everything below it may be removed afterwards. */
  readonly scratch: string;
  /** `OMP_NUM_THREADS` and `MKL_NUM_THREADS`; give the engine host the same. */
  readonly threads: number;
  /** Default: the CPU, also where there is a card. */
  readonly device?: PlainDevice;
  /** Aborting kills the command that runs, children included. */
  readonly signal?: AbortSignal;
}

/** As TotalSegmentator names it; nnU-Net v1 takes any card that it sees. */
export type PlainDevice = 'cpu' | 'gpu';

/** The plain `nnUNet_predict` and `TotalSegmentator` commands with an environment of their own. */
export interface PlainTools {
  readonly bin: string;
  readonly scratch: string;
  readonly device: PlainDevice;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
}

/** Outcome of one plain command. */
export interface PlainRun {
  /** The mask it wrote. */
  readonly mask: string;
  /** Wall time of the process, start-up included. */
  readonly seconds: number;
  /** Seconds inside the networks' forward passes; null unless asked for. */
  readonly forwardSeconds: number | null;
}

/** A command line and where it leaves its mask. */
export interface PlainCommand {
  readonly program: 'nnUNet_predict' | 'TotalSegmentator';
  readonly argv: readonly string[];
  readonly mask: string;
}

/** Folder of the `sitecustomize` that tells about forward passes, or shortens them. */
export const FORWARD = resolve(import.meta.dirname, 'forward');

/**
 * Copies the weights to two separate folders below `scratch` and builds the environment. The copy is not a
 * luxury: TotalSegmentator removes `nnUNet/3d_fullres/Task008_HepaticVessel` below its weights folder on every
 * run, and rewrites `config.json` of its home. Telemetry is off, nothing is downloaded.
 */
export async function preparePlainTools(setup: PlainSetup): Promise<PlainTools> {
  const { device = 'cpu' } = setup;
  const results = join(setup.scratch, 'nnunet_v1');
  const totalSegmentator = join(setup.scratch, 'totalseg');
  const home = join(setup.scratch, 'totalseg_home');
  const temporary = join(setup.scratch, 'tmp');
  const { folder } = weightSet('task008');
  const modelFolder = setup.weights.nnunetV1ModelFolder;
  await cp(modelFolder, join(results, 'nnUNet', '3d_fullres', folder, basename(modelFolder)), {
    recursive: true,
  });
  await cp(setup.weights.totalSegmentatorRoot, totalSegmentator, { recursive: true });
  for (const path of [home, temporary, join(setup.scratch, 'raw')]) await mkdir(path, { recursive: true });
  const config = {
    totalseg_id: 'totalseg_PARITY00',
    send_usage_stats: false,
    prediction_counter: 0,
    statistics_disclaimer_shown: true,
  };
  await writeFile(join(home, 'config.json'), JSON.stringify(config));
  const threads = String(setup.threads);
  const environment = {
    PATH: `${join(setup.venv, 'bin')}:${env['PATH'] ?? ''}`,
    HOME: home,
    TMPDIR: temporary,
    LC_ALL: 'C.UTF-8',
    OMP_NUM_THREADS: threads,
    MKL_NUM_THREADS: threads,
    nnUNet_def_n_proc: '2',
    TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD: '1',
    RESULTS_FOLDER: results,
    nnUNet_raw_data_base: join(setup.scratch, 'raw'),
    nnUNet_preprocessed: join(setup.scratch, 'raw', 'preprocessed'),
    TOTALSEG_WEIGHTS_PATH: totalSegmentator,
    TOTALSEG_HOME_DIR: home,
    ...(device === 'cpu' ? { CUDA_VISIBLE_DEVICES: '' } : cardEnvironment()),
  };
  const { scratch, signal } = setup;
  return { bin: join(setup.venv, 'bin'), scratch, device, environment, signal };
}

/** Which card is ours, and where its libraries lie. */
function cardEnvironment(): Record<string, string> {
  const names = ['CUDA_VISIBLE_DEVICES', 'NVIDIA_VISIBLE_DEVICES', 'LD_LIBRARY_PATH'];
  return Object.fromEntries(
    names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const])),
  );
}

/** The plain command that does what `call` asks of the engine host, with output below `outFolder`. */
export function plainCommand(
  call: EngineCall,
  input: PlainInput,
  outFolder: string,
  device: PlainDevice = 'cpu',
): PlainCommand {
  if (call.engine === 'nnunet-v1') {
    const argv = ['-i', input.nnunetFolder, '-o', outFolder, '-t', weightSet('task008').folder];
    argv.push('-m', '3d_fullres', '-f', ...call.folds.map(String));
    argv.push('--num_threads_preprocessing', '1', '--num_threads_nifti_save', '1', '-chk', call.checkpoint);
    if (!call.tta) argv.push('--disable_tta');
    return { program: 'nnUNet_predict', argv, mask: join(outFolder, `${PLAIN_CASE}.nii.gz`) };
  }
  const mask = join(outFolder, call.multilabel ? 'labels.nii.gz' : `${call.roiSubset?.[0] ?? ''}.nii.gz`);
  const argv = ['-i', input.ct, '-o', call.multilabel ? mask : outFolder, '-ta', call.task];
  if (call.roiSubset !== null) argv.push('-rs', ...call.roiSubset);
  if (call.multilabel) argv.push('--ml');
  if (call.fast) argv.push('-f');
  argv.push('-ns', '1', '-nr', '1', '-d', device);
  return { program: 'TotalSegmentator', argv, mask };
}

/** One CT as both plain commands want it. */
export interface PlainInput {
  readonly ct: string;
  /** Folder that holds the CT alone, named as nnU-Net asks (`case_0000.nii.gz`). */
  readonly nnunetFolder: string;
}

const PLAIN_CASE = 'case';

/** Puts a copy of the CT (`.nii.gz`) into a folder of its own, under the name nnU-Net asks for. */
export async function plainInput(tools: PlainTools, ct: string): Promise<PlainInput> {
  const nnunetFolder = await mkdtemp(join(tools.scratch, 'input-'));
  await cp(ct, join(nnunetFolder, `${PLAIN_CASE}_0000.nii.gz`));
  return { ct: resolve(ct), nnunetFolder };
}

/**
 * Runs a plain command, cold as a user would.
 *
 * @param measureForward also report forward time: a `sitecustomize` adds up the time of outermost
 *   `torch.nn.Module` calls in the command and its children (costs some milliseconds).
 * @throws HpbError ENGINE_FAILED with the last lines of the command's output when it fails or writes no mask.
 */
export async function runPlain(
  tools: PlainTools,
  call: EngineCall,
  input: PlainInput,
  measureForward = false,
): Promise<PlainRun> {
  const outFolder = await mkdtemp(join(tools.scratch, 'output-'));
  const clockFolder = await mkdtemp(join(tools.scratch, 'clock-'));
  const command = plainCommand(call, input, outFolder, tools.device);
  const clock = measureForward ? { PYTHONPATH: FORWARD, HPB_FORWARD_CLOCK: clockFolder } : {};
  const start = performance.now();
  const ending = await runProcess({
    command: join(tools.bin, command.program),
    args: command.argv,
    environment: { ...tools.environment, ...clock },
    signal: tools.signal,
  });
  const seconds = (performance.now() - start) / 1000;
  const written = await readdir(outFolder);
  if (ending.exitCode !== 0 || !written.includes(basename(command.mask))) {
    throw new HpbError(
      'ENGINE_FAILED',
      `The plain ${command.program} ended with ${ending.startError ?? `exit code ${ending.exitCode}`} and ${
        written.length === 0 ? 'no files' : `the files ${written.join(', ')}`
      }; its last lines:\n${ending.tail.join('\n')}`,
      { remedy: `Run it by hand: ${command.program} ${command.argv.join(' ')}` },
    );
  }
  const forwardSeconds = measureForward ? await clockTotal(clockFolder) : null;
  await rm(clockFolder, { recursive: true });
  return { mask: command.mask, seconds, forwardSeconds };
}

async function clockTotal(folder: string): Promise<number> {
  const files = await readdir(folder);
  const times = await Promise.all(
    files.map(async (file) => Number(await readFile(join(folder, file), 'utf8'))),
  );
  return times.reduce((sum, seconds) => sum + seconds, 0);
}
