import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { asHpbError, HpbError } from '../../core/errors.ts';
import {
  fitCalibration,
  measuredRuns,
  type Calibration,
  type MeasuredRun,
} from '../../core/models/calibration.ts';
import { calibrationFile, writeCalibration } from '../../local/calibration-file.ts';
import { bytesText, jsonLine, tableText } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { fetchJob } from '../fetch-job.ts';
import { connect, countArgument, serviceOptions, type ServiceArguments } from '../service-command.ts';

interface CalibrateArguments extends ServiceArguments {
  readonly jobs?: number;
  readonly device?: string;
  readonly out?: string;
}

/** Results that were read. */
interface Measured {
  readonly runs: readonly MeasuredRun[];
  readonly demoCases: number;
}

/** `hpb calibrate`: time and GPU memory of each model, from results. */
export function registerCalibrate(program: Command, context: CommandContext): void {
  const command = program
    .command('calibrate')
    .description(
      'Fit seconds and GPU memory of each model to finished cases, for estimates to use: those of unpacked results below folders, or of the newest jobs of the service. Cases of demo weights do not count.',
    )
    .argument('[folder...]', 'folders of unpacked results, searched to the bottom')
    .option('--jobs <n>', 'fetch and count this many of the newest finished jobs', countArgument(10_000))
    .option('--device <name>', 'count runs on this device (default: that with the most runs)')
    .option(
      '--out <file>',
      'where to write it (default: where `hpb estimate` and the service of this machine read it). For a deployment, copy it to calibration.json of the jobs bucket',
    );
  for (const option of serviceOptions('print the calibration as JSON')) command.addOption(option);
  command.action(async (folders: readonly string[], options: CalibrateArguments) => {
    if (folders.length === 0 && options.jobs === undefined)
      throw new HpbError('USAGE', 'Nothing says which results are to count.', {
        remedy: 'Name folders of unpacked results, or give --jobs N.',
      });
    const { runs, demoCases } = await measuredIn(folders, options, context);
    const found = fitCalibration(runs, options.device);
    if (found === null) throw nothingToCount(runs, demoCases, options.device);
    const path = options.out ?? calibrationFile(context.paths);
    await writeCalibration(path, found);
    context.stdout.write(options.json ? jsonLine(found) : calibrationText(found, path));
  });
}

async function measuredIn(
  folders: readonly string[],
  options: CalibrateArguments,
  context: CommandContext,
): Promise<Measured> {
  if (options.jobs === undefined) return readResults(folders);
  const fetched = await mkdtemp(join(tmpdir(), 'hpb-calibrate-'));
  try {
    await fetchJobs(fetched, options.jobs, options, context);
    return await readResults([...folders, fetched]);
  } finally {
    await rm(fetched, { recursive: true, force: true });
  }
}

async function fetchJobs(
  out: string,
  limit: number,
  options: CalibrateArguments,
  context: CommandContext,
): Promise<void> {
  const service = await connect(context, options);
  const { jobs } = await service.jobs({ limit: Math.min(limit, 200), state: 'SUCCEEDED' });
  for (const { jobId } of jobs) {
    try {
      await fetchJob(
        service,
        { jobId },
        {
          out: join(out, jobId),
          unpack: true,
          to: null,
          region: context.settings.AWS_REGION,
          dataRoot: context.paths.dataRoot,
          signal: context.signal,
          onProgress: () => undefined,
        },
      );
    } catch (thrown) {
      // Such as one whose results were removed meanwhile: the others count all the same.
      if (context.signal.aborted) throw thrown;
      context.stderr.write(`${jobId} is left out: ${asHpbError(thrown).message}\n`);
    }
  }
}

async function readResults(folders: readonly string[]): Promise<Measured> {
  const runs: MeasuredRun[] = [];
  let demoCases = 0;
  for (const folder of folders) {
    const files = await readdir(folder, { recursive: true }).catch((cause: unknown) => {
      throw new HpbError('INPUT_NOT_FOUND', `The folder ${folder} cannot be read.`, {
        remedy: 'Name folders of unpacked results.',
        cause,
      });
    });
    for (const file of files.filter((name) => /(^|[\\/])run\.json$/.test(name)).sort()) {
      const place = join(folder, file);
      const found = measuredRuns(
        await document(place),
        await document(join(dirname(place), 'metadata.json')),
      );
      if (found === 'demo') demoCases += 1;
      else runs.push(...(found ?? []));
    }
  }
  return { runs, demoCases };
}

/** What a file holds; null when it is not there or no JSON. */
async function document(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return null;
  }
}

function nothingToCount(runs: readonly MeasuredRun[], demoCases: number, device?: string): HpbError {
  const devices = [...new Set(runs.map((run) => run.device))].sort();
  const others = devices.length === 0 ? '' : ` There are runs on ${devices.join(', ')}.`;
  const demo = demoCases === 0 ? '' : ` ${demoCases} cases of demo weights do not count.`;
  return new HpbError(
    'INPUT_NOT_FOUND',
    `No finished case${device === undefined ? '' : ` on ${device}`} was found.${others}${demo}`,
    { remedy: 'Segment CTs with the real weights first, and give the folders of their unpacked results.' },
  );
}

function calibrationText({ device, runs, models }: Calibration, path: string): string {
  const rows = [
    ['model', 'runs', 'seconds', '', 'error', 'GPU memory'],
    ...Object.entries(models).map(([key, { runs: own, seconds, medianError, cardBytes }]) => [
      key,
      String(own),
      `${seconds.base.toFixed(1)} + ${seconds.slope.toFixed(3)} x`,
      'million voxels',
      `${Math.round(100 * medianError)} %`,
      cardBytes === null
        ? 'not told'
        : `${bytesText(cardBytes.base)} + ${cardBytes.slope.toFixed(0)} B a voxel`,
    ]),
  ];
  return `Calibrated on ${runs} runs, ${device}:\n${tableText(rows, [1, 2, 4])}\nWritten to ${path}\n`;
}
