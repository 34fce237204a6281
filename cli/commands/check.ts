import type { Command } from 'commander';
import { scanFile } from '../../adapters/scan-file.ts';
import { memoryPresent } from '../../adapters/system.ts';
import { asHpbError, commandExit, type ErrorCode, type ErrorDocument } from '../../core/errors.ts';
import type { ScanFacts } from '../../core/volume/scan-check.ts';
import { bytesText, jsonLine } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { modelsOf, runOptions, segmentOptionsOf, type RunArguments } from '../options.ts';

/** What `hpb check --json` prints for a file, a line each. */
interface CheckDocument {
  readonly file: string;
  readonly fit: boolean;
  /** Null when the file cannot be read as a CT at all. */
  readonly facts: ScanFacts | null;
  readonly problems: readonly ErrorDocument[];
  readonly warnings: readonly ErrorDocument[];
}

/** `hpb check`: the input check alone; no engine starts. Exit 0 only when every CT is fit to run. */
export function registerCheck(program: Command, context: CommandContext): void {
  const command = program
    .command('check')
    .description(
      'Tell whether CTs are fit to run: header, orientation, intensities, memory. No engine starts.',
    )
    .argument('<ct...>', 'NIfTI files (.nii or .nii.gz)');
  for (const option of runOptions()) command.addOption(option);
  command
    .option('--json', 'print one JSON document a line')
    .action(async (files: readonly string[], options: RunArguments & { json?: true }) => {
      const memoryPresentBytes = await memoryPresent();
      const outcomes: (ErrorCode | 'ok')[] = [];
      for (const file of files) {
        const document = await checkFile(file, options, { memoryPresentBytes, signal: context.signal });
        outcomes.push(document.problems[0]?.code ?? 'ok');
        context.stdout.write(options.json ? jsonLine(document) : checkText(document));
        if (context.signal.aborted) break;
      }
      context.exitCode = commandExit(outcomes);
    });
}

async function checkFile(
  file: string,
  options: RunArguments,
  limits: { readonly memoryPresentBytes: number; readonly signal: AbortSignal },
): Promise<CheckDocument> {
  try {
    const segment = segmentOptionsOf(options);
    const { verdict } = await scanFile(file, { models: modelsOf(options), segment, ...limits });
    const { fit, facts, problems, warnings } = verdict;
    return { file, fit, facts, problems, warnings };
  } catch (thrown) {
    return { file, fit: false, facts: null, problems: [asHpbError(thrown).toDocument()], warnings: [] };
  }
}

function checkText({ file, fit, facts, problems, warnings }: CheckDocument): string {
  const lines = [`${file}: ${fit ? 'fit to run' : 'NOT fit to run'}`];
  if (facts !== null) {
    const { dims, spacingMm, orientation, datatype, intensity, memoryNeeded } = facts;
    lines.push(
      `  grid         ${dims.join(' x ')} voxels of ${spacingMm.map((mm) => mm.toFixed(2)).join(' x ')} mm, ${orientation}`,
    );
    if (intensity !== null) {
      const { min, max, p1, p50, p99 } = intensity;
      lines.push(
        `  intensities  ${datatype}, ${min} to ${max} HU (1 %: ${p1}, median: ${p50}, 99 %: ${p99})`,
      );
    }
    const needs = Object.entries(memoryNeeded).map(([model, bytes]) => `${model} ${bytesText(bytes)}`);
    lines.push(`  memory       ${needs.join(', ')}`);
  }
  for (const finding of problems) lines.push(...findingText('problem', finding));
  for (const finding of warnings) lines.push(...findingText('warning', finding));
  return `${lines.join('\n')}\n`;
}

const findingText = (kind: string, { code, message, remedy }: ErrorDocument): string[] => [
  `  ${kind}      ${message}`,
  `               ${remedy} [${code}]`,
];
