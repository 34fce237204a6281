import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { fileError } from '../../adapters/file-error.ts';
import type { CheckedVolume, ExpectedVolume } from '../../core/canary.ts';
import { COMMAND_EXIT, HpbError } from '../../core/errors.ts';
import { jsonLine, secondsText, tableText } from '../../local/text.ts';
import { runCanary, type CanaryReport } from '../canary.ts';
import type { CommandContext } from '../context.ts';
import { runOptions, type RunArguments } from '../options.ts';
import { progressDisplay } from '../progress-display.ts';
import { connect, countArgument, serviceOptions, type ServiceArguments } from '../service-command.ts';

interface CanaryArguments extends RunArguments, ServiceArguments {
  readonly ct?: string;
  readonly expect?: string;
  readonly timeout: number;
}

const WEEK_SECONDS = 7 * 24 * 3_600;
const DEFAULT_TOLERANCE = 5;

const HELP = `
Volumes to expect are a JSON file; names are those of metadata.json:
  { "volumesMl": { "liver": 1520, "liver_tumors": 12.5 }, "tolerancePercent": 5 }

Exit codes: 0 everything as expected, 1 something is not, 35 not over in time, 17 no service.

Examples:
  hpb canary                                              this machine's service, the synthetic CT
  hpb canary --endpoint https://<api>.execute-api.eu-central-1.amazonaws.com/prod
  hpb canary --ct known.nii.gz --expect volumes.json --no-fast
`;

/** `hpb canary`: a CT the whole way through a service, its result checked; the job is purged afterwards. */
export function registerCanary(program: Command, context: CommandContext): void {
  const command = program
    .command('canary')
    .description(
      'Try the whole way through a service: upload, job, result, receipt, volumes against the truth of the synthetic CT. The job is purged afterwards.',
    )
    .option('--ct <file>', 'another CT than the synthetic one')
    .option('--expect <file>', 'volumes that must come out for --ct, JSON')
    .option('--timeout <s>', 'longest time to wait for the job, s', countArgument(WEEK_SECONDS), 3_600);
  for (const option of runOptions()) command.addOption(option);
  for (const option of serviceOptions()) command.addOption(option);
  command.addHelpText('after', HELP).action((options: CanaryArguments) => canary(options, context));
}

async function canary(options: CanaryArguments, context: CommandContext): Promise<void> {
  const { ct, expect, timeout, json } = options;
  const { stdout, stderr, paths, signal } = context;
  if (expect !== undefined && ct === undefined)
    throw new HpbError('USAGE', '--expect tells the volumes of a CT, and no --ct is given.', {
      remedy: 'Give both, or none: the volumes of the synthetic CT are known.',
    });
  const expected = expect === undefined ? null : await readExpected(expect);
  const service = await connect(context, options);
  const display = progressDisplay(stderr, 'canary');
  try {
    const report = await runCanary(service, {
      ct: ct ?? null,
      expected,
      run: options,
      timeoutSeconds: timeout,
      dataRoot: paths.dataRoot,
      signal,
      onStep: (words, fraction) => display.update(fraction, words),
    });
    display.end();
    stdout.write(json ? jsonLine(report) : reportText(report));
    context.exitCode = report.ok ? COMMAND_EXIT.ok : COMMAND_EXIT.canaryFails;
  } finally {
    display.end();
  }
}

const expectedFile = z.strictObject({
  volumesMl: z.record(z.string(), z.number().min(0)),
  tolerancePercent: z.number().positive().max(100).default(DEFAULT_TOLERANCE),
});

/**
 * The volumes of an `--expect` file.
 *
 * @throws HpbError INPUT_NOT_FOUND, USAGE.
 */
async function readExpected(path: string): Promise<readonly ExpectedVolume[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError(error);
  });
  try {
    const { volumesMl, tolerancePercent } = expectedFile.parse(JSON.parse(text));
    return Object.entries(volumesMl).map(([structure, ml]) => ({ structure, ml, tolerancePercent }));
  } catch (cause) {
    throw new HpbError('USAGE', 'The file of --expect does not tell volumes.', {
      remedy: 'Write { "volumesMl": { "liver": 1520 }, "tolerancePercent": 5 }; percent may be left out.',
      cause,
    });
  }
}

function reportText({ ok, jobId, seconds, checks, volumes, notes }: CanaryReport): string {
  const verdict = (passed: boolean): string => (passed ? 'ok' : 'FAIL');
  const rows = [
    ...checks.map((one) => [one.name, one.expected, one.found, '', verdict(one.ok)]),
    ...volumes.map((one) => [
      `${one.structure}, ml`,
      one.ml.toFixed(1),
      one.foundMl?.toFixed(1) ?? 'not looked for',
      `${differenceText(one)} of ±${one.tolerancePercent} %`,
      verdict(one.ok),
    ]),
  ];
  const table = tableText([['check', 'expected', 'found', 'difference', ''], ...rows]);
  const end = `canary ${jobId}: ${verdict(ok)}, ${secondsText(seconds)}, purged`;
  return `${[table, ...notes, end].join('\n')}\n`;
}

function differenceText({ ml, foundMl }: CheckedVolume): string {
  if (foundMl === null || ml === 0) return '-';
  const percent = (100 * (foundMl - ml)) / ml;
  return `${percent < 0 ? '' : '+'}${percent.toFixed(1)} %`;
}
