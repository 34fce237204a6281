import { InvalidArgumentError, Option, type Command } from 'commander';
import { commandExit } from '../../core/errors.ts';
import type { MeshFormat } from '../../core/results/meshed-structures.ts';
import { WEEK_SECONDS } from '../../core/settings.ts';
import { segmentFiles } from '../../local/segment-files.ts';
import { segmentReporter } from '../../local/segment-report.ts';
import type { CommandContext } from '../context.ts';
import { meshesOption, modelsOf, runOptions, segmentOptionsOf, type RunArguments } from '../options.ts';

interface SegmentArguments extends RunArguments {
  readonly device?: string;
  readonly weights?: 'auto' | 'real' | 'demo';
  readonly out: string;
  readonly timeout?: number;
  readonly meshes?: MeshFormat;
  readonly keepIntermediate?: true;
  readonly json?: true;
}

const HELP = `
Results of scan.nii.gz: hpb-results/scan/ (report.html, masks, meshes, pictures, metadata.json, receipt.json) and the
same as hpb-results/scan_results.zip. They replace those of an earlier run of the same CT; where anything else lies,
nothing runs. Several CTs share one warm engine; a CT that fails does not stop the others.

Examples:
  hpb segment scan.nii.gz
  hpb segment *.nii.gz --model liver_vessels --out vessels
  hpb segment scan.nii.gz --no-fast --folds 0,1,2,3,4 --tta     slow and as good as it gets
  hpb segment scan.nii.gz --json | jq 'select(.event=="case")'
`;

/** `hpb segment`: masks, volumes and a result package of CTs, on this machine. */
export function registerSegment(program: Command, context: CommandContext): void {
  const command = program
    .command('segment')
    .description('Find liver, hepatic vessels and tumours in CTs, on this machine.')
    .argument('<ct...>', 'NIfTI files (.nii or .nii.gz)');
  for (const option of runOptions()) command.addOption(option);
  command
    .addOption(
      new Option(
        '--device <device>',
        'auto, cpu, cuda, cuda:N or mps (default: HPB_DEVICE, else auto)',
      ).argParser(parseDevice),
    )
    .addOption(
      new Option('--weights <which>', 'real, demo, or auto: real where installed, else demo').choices([
        'auto',
        'real',
        'demo',
      ]),
    )
    .option('--out <dir>', 'folder of the results', 'hpb-results')
    .option(
      '--timeout <s>',
      'longest time one model may run on one CT (default: HPB_MODEL_TIMEOUT_SECONDS, else 1800)',
      parseSeconds,
    )
    .addOption(meshesOption())
    .option('--keep-intermediate', 'keep what the engines were given and wrote (HPB_OUT_ROOT)')
    .option('--json', 'print JSON lines: started, progress, case, finished')
    .addHelpText('after', HELP)
    .action((inputs: readonly string[], options: SegmentArguments) => segment(inputs, options, context));
}

async function segment(
  inputs: readonly string[],
  options: SegmentArguments,
  context: CommandContext,
): Promise<void> {
  const { packageRoot, environment, stderr, signal } = context;
  const settings = {
    ...context.settings,
    ...(options.device !== undefined && { HPB_DEVICE: options.device }),
    ...(options.weights !== undefined && { HPB_WEIGHTS: options.weights }),
    ...(options.meshes !== undefined && { HPB_MESHES: options.meshes }),
    ...(options.keepIntermediate && { HPB_KEEP_INTERMEDIATE: true }),
  };
  const outcomes = await segmentFiles(
    {
      inputs,
      models: modelsOf(options),
      options: segmentOptionsOf(options),
      out: options.out,
      timeoutSeconds: options.timeout ?? settings.HPB_MODEL_TIMEOUT_SECONDS,
    },
    {
      settings,
      packageRoot,
      environment,
      stderr,
      signal,
      reporter: segmentReporter(context, options.json ?? false),
    },
  );
  context.exitCode = commandExit(outcomes.map(({ error }) => error?.code ?? 'ok'));
}

function parseDevice(text: string): string {
  if (!/^(auto|cpu|mps|cuda(:\d+)?)$/.test(text))
    throw new InvalidArgumentError('One of auto, cpu, cuda, cuda:N, mps.');
  return text;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > WEEK_SECONDS)
    throw new InvalidArgumentError(`A whole number of seconds from 1 to ${WEEK_SECONDS}, a week.`);
  return seconds;
}
