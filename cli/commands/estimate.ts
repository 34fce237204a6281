import type { Command } from 'commander';
import { fileError } from '../../adapters/file-error.ts';
import { peekNifti } from '../../adapters/nifti-file.ts';
import { memoryPresent } from '../../adapters/system.ts';
import { asHpbError, commandExit, HpbError, type ErrorCode, type ErrorDocument } from '../../core/errors.ts';
import type { CaseEstimate } from '../../core/estimate-answer.ts';
import { estimateCase } from '../../core/estimate.ts';
import { T4_BYTES } from '../../core/models/card-memory.ts';
import type { Calibration } from '../../core/models/calibration.ts';
import { SIZE_TIERS, type ModelRun } from '../../core/plan.ts';
import { checkScan } from '../../core/volume/scan-check.ts';
import { calibrationFile, readCalibration } from '../../local/calibration-file.ts';
import { bytesText, jsonLine, printable, printableLines, secondsText, tableText } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { modelsOf, runOptions, segmentOptionsOf, type RunArguments } from '../options.ts';

/** What `hpb estimate --json` prints for a file, a line each. */
interface EstimateDocument {
  readonly file: string;
  /** Null when the header cannot be read. */
  readonly estimate: CaseEstimate | null;
  readonly problems: readonly ErrorDocument[];
  readonly thisMachine: { readonly memoryBytes: number; readonly fits: boolean | null };
}

interface EstimateArguments extends RunArguments {
  readonly calibration?: string;
  readonly json?: true;
}

interface EstimateSurroundings {
  readonly run: ModelRun;
  /** Of runs before. */
  readonly figures: Calibration | null;
  readonly presentBytes: number;
  readonly signal: AbortSignal;
}

const LARGEST_BYTES = SIZE_TIERS.at(-1)!.memoryMib * 2 ** 20;

/** `hpb estimate`: whether CTs would fit in a deployment and what they would take, by their headers. */
export function registerEstimate(program: Command, context: CommandContext): void {
  const command = program
    .command('estimate')
    .description(
      'Tell by the header alone whether CTs would fit on the machines of a deployment, and what they would take: memory, GPU memory, time and cost. No service is asked, no engine starts. Time, cost and GPU memory are uncalibrated until `hpb calibrate` has counted runs on a T4.',
    )
    .argument('<ct...>', 'NIfTI files (.nii or .nii.gz)');
  for (const option of runOptions()) command.addOption(option);
  command
    .option('--calibration <file>', 'what `hpb calibrate` wrote (default: calibration.json of the data root)')
    .option('--json', 'print one JSON document a line')
    .action(async (files: readonly string[], options: EstimateArguments) => {
      const run: ModelRun = { models: modelsOf(options), options: segmentOptionsOf(options) };
      const presentBytes = await memoryPresent();
      const figures = await figuresOf(options, context);
      const outcomes: (ErrorCode | 'ok')[] = [];
      for (const file of files) {
        const document = await estimateFile(file, {
          run,
          figures,
          presentBytes,
          signal: context.signal,
        });
        context.stdout.write(options.json ? jsonLine(document) : documentText(document));
        outcomes.push(document.problems[0]?.code ?? 'ok');
        if (context.signal.aborted) break;
      }
      context.exitCode = commandExit(outcomes);
    });
}

/** Null where no calibration was given and this machine has none. */
async function figuresOf(
  { calibration: given }: EstimateArguments,
  { paths }: CommandContext,
): Promise<Calibration | null> {
  const figures = await readCalibration(given ?? calibrationFile(paths)).catch((error: unknown) => {
    throw fileError(error);
  });
  if (figures === null && given !== undefined)
    throw new HpbError('INPUT_NOT_FOUND', 'There is no file at the path of --calibration.', {
      remedy: 'Give the file that `hpb calibrate --out` wrote, or leave --calibration out.',
    });
  return figures;
}

async function estimateFile(
  file: string,
  { run, figures, presentBytes, signal }: EstimateSurroundings,
): Promise<EstimateDocument> {
  try {
    const header = await peekNifti(file, { signal });
    const { problems } = checkScan(header);
    const estimate = estimateCase({ grid: header.grid, problems }, run, LARGEST_BYTES, figures);
    const thisMachine = { memoryBytes: presentBytes, fits: estimate.memoryBytes <= presentBytes };
    return { file, estimate, problems: estimate.problems, thisMachine };
  } catch (thrown) {
    const problems = [asHpbError(thrown).toDocument()];
    return { file, estimate: null, problems, thisMachine: { memoryBytes: presentBytes, fits: null } };
  }
}

function documentText({ file, estimate, problems, thisMachine }: EstimateDocument): string {
  const lines = [`${printable(file)}: ${problems.length === 0 ? 'would fit' : 'would be REFUSED'}`];
  if (estimate !== null) lines.push(...estimateLines(estimate, thisMachine));
  for (const { code, message, remedy } of problems)
    lines.push(`  problem      ${printableLines(message)}`, `               ${remedy} [${code}]`);
  return `${lines.join('\n')}\n`;
}

function estimateLines(
  estimate: CaseEstimate,
  thisMachine: EstimateDocument['thisMachine'],
): readonly string[] {
  const { dims, spacingMm, memoryBytes, models, seconds, sizes, calibrated, calibration } = estimate;
  const timed =
    calibration === null
      ? 'on a T4 (uncalibrated)'
      : `(calibrated on ${calibration.runs} runs, ${calibration.device})`;
  const priced = calibrated ? timed : '(uncalibrated)';
  const each = (text: (model: CaseEstimate['models'][number]) => string): string =>
    models.map((model) => `${model.model} ${text(model)}`).join(', ');
  const spilled = models.some(({ cardHoldsAll }) => !cardHoldsAll);
  const rows = [
    ['machine', 'memory', 'fits', 'on demand', 'spot'],
    ...sizes.map(({ machine, memoryBytes: bytes, fits, onDemandUsd, spotUsd }) => [
      machine,
      bytesText(bytes),
      fits ? 'yes' : 'no',
      usdText(onDemandUsd),
      usdText(spotUsd),
    ]),
    ['this machine', bytesText(thisMachine.memoryBytes), thisMachine.fits === true ? 'yes' : 'no', '-', '-'],
  ];
  return [
    `  grid         ${dims.join(' x ')} voxels of ${spacingMm.map((mm) => mm.toFixed(2)).join(' x ')} mm`,
    `  memory       ${bytesText(memoryBytes)} for the case; the engine alone: ${each((one) => bytesText(one.memoryBytes))}`,
    `  GPU memory   ${each((one) => bytesText(one.cardBytes))} ${priced}${spilled ? `; beyond the ${bytesText(T4_BYTES)} of a T4 the rest is kept in memory, slower` : ''}`,
    `  time         ${secondsText(seconds)} ${timed}: ${each((one) => secondsText(one.seconds))}`,
    `  cost         of the work alone, without the start of a machine, USD ${priced}`,
    ...tableText(rows, [1, 3, 4])
      .split('\n')
      .map((row) => `    ${row}`),
  ];
}

const usdText = (usd: number | null): string => (usd === null ? '-' : usd.toFixed(3));
