import { tmpdir } from 'node:os';
import type { Command } from 'commander';
import { fileSource } from '../../adapters/intake/byte-source.ts';
import { scanCase, type ScanRules } from '../../adapters/intake/scan-case.ts';
import { withScratch } from '../../adapters/intake/scratch.ts';
import { takeArchive, type TakenCase } from '../../adapters/intake/take-archive.ts';
import { uploadKind, type ArchiveKind } from '../../adapters/intake/upload-kind.ts';
import { memoryPresent } from '../../adapters/system.ts';
import { asHpbError, commandExit, type ErrorCode, type ErrorDocument } from '../../core/errors.ts';
import type { ScanFacts, ScanVerdict } from '../../core/volume/scan-check.ts';
import { bytesText, jsonLine, printable, printableLines } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { modelsOf, runOptions, segmentOptionsOf, type RunArguments } from '../options.ts';

/** What `hpb check --json` prints for a CT, a line each. */
interface CheckDocument {
  readonly file: string;
  /** Name of the case; only for a CT in an archive. */
  readonly case?: string;
  readonly fit: boolean;
  /** Null when the file cannot be read as a CT at all. */
  readonly facts: ScanFacts | null;
  readonly problems: readonly ErrorDocument[];
  readonly warnings: readonly ErrorDocument[];
}

/** What `hpb check --json` prints for an archive after its cases. */
interface ArchiveDocument {
  readonly file: string;
  readonly cases: number;
  readonly fitCases: number;
  /** What was left aside: the first of it by name, with the reason. */
  readonly ignored: readonly { readonly name: string; readonly reason: string }[];
  readonly ignoredCount: number;
}

type Print = (document: CheckDocument | ArchiveDocument) => void;

/** `hpb check`: the input check alone; no engine starts. Exit 0 only when every CT is fit to run. */
export function registerCheck(program: Command, context: CommandContext): void {
  const command = program
    .command('check')
    .description(
      'Tell whether CTs are fit to run: header, orientation, intensities, memory. Of an archive: the cases found in it, and what is left aside. No engine starts.',
    )
    .argument('<ct...>', 'NIfTI files (.nii or .nii.gz), or archives of cases (.zip, .tar, .tar.gz)');
  for (const option of runOptions()) command.addOption(option);
  command
    .option('--json', 'print one JSON document a line')
    .action(async (files: readonly string[], options: RunArguments & { json?: true }) => {
      const rules: ScanRules = {
        models: modelsOf(options),
        segment: segmentOptionsOf(options),
        memoryBytes: await memoryPresent(),
        signal: context.signal,
      };
      const outcomes: (ErrorCode | 'ok')[] = [];
      for (const file of files) {
        outcomes.push(
          ...(await checkFile(file, { rules, context }, (document) =>
            context.stdout.write(options.json ? jsonLine(document) : documentText(document)),
          )),
        );
        if (context.signal.aborted) break;
      }
      context.exitCode = commandExit(outcomes);
    });
}

interface Check {
  readonly rules: ScanRules;
  readonly context: CommandContext;
}

/** Checks and prints one file; returns how each CT in it came out. */
async function checkFile(file: string, check: Check, print: Print): Promise<readonly (ErrorCode | 'ok')[]> {
  const outcomes: (ErrorCode | 'ok')[] = [];
  const add: Print = (document) => {
    print(document);
    if ('problems' in document) outcomes.push(document.problems[0]?.code ?? 'ok');
  };
  try {
    const kind = await archiveKindOf(file);
    if (kind === null) add(ctDocument({ file }, await scanCase(file, check.rules)));
    else await checkArchive({ file, kind }, check, add);
  } catch (thrown) {
    add({ file, fit: false, facts: null, problems: [asHpbError(thrown).toDocument()], warnings: [] });
  }
  return outcomes;
}

/** Null for what is to be read as a CT; whatever cannot be opened is, and the CT reader tells why. */
async function archiveKindOf(file: string): Promise<ArchiveKind | null> {
  const { kind } = await fileSource(file)
    .then((source) => uploadKind(source, file))
    .catch(() => ({ kind: 'ct' as const }));
  return kind === 'ct' || kind === 'other' ? null : kind;
}

async function checkArchive(
  { file, kind }: { readonly file: string; readonly kind: ArchiveKind },
  { rules, context }: Check,
  print: Print,
): Promise<void> {
  const source = await fileSource(file, context.signal);
  const { HPB_MAX_BATCH: maxCases, HPB_MAX_UNPACKED_BYTES: maxUnpackedBytes } = context.settings;
  const { cases, ignored, ignoredCount } = await withScratch(tmpdir(), (scratch) =>
    takeArchive({
      source,
      kind,
      bounds: { maxCases, maxUnpackedBytes },
      rules,
      scratch,
      onCase: (found: TakenCase) => print(ctDocument({ file, case: found.name }, found)),
    }),
  );
  const fitCases = cases.filter(({ error }) => error === null).length;
  print({ file, cases: cases.length, fitCases, ignored, ignoredCount });
}

function ctDocument(
  name: Pick<CheckDocument, 'file' | 'case'>,
  { verdict, error }: { readonly verdict: ScanVerdict | null; readonly error: ErrorDocument | null },
): CheckDocument {
  if (verdict === null)
    return { ...name, fit: false, facts: null, problems: error === null ? [] : [error], warnings: [] };
  const { fit, facts, problems, warnings } = verdict;
  return { ...name, fit, facts, problems, warnings };
}

const documentText = (document: CheckDocument | ArchiveDocument): string =>
  'problems' in document ? checkText(document) : archiveText(document);

function archiveText({ file, cases, fitCases, ignored, ignoredCount }: ArchiveDocument): string {
  const lines = [
    `${printable(file)}: ${cases} ${cases === 1 ? 'case' : 'cases'} found, ${fitCases} fit to run`,
  ];
  for (const { name, reason } of ignored) lines.push(`  left aside   ${printable(name)}: ${reason}`);
  const more = ignoredCount - ignored.length;
  if (more > 0) lines.push(`  left aside   ${more} more`);
  return `${lines.join('\n')}\n`;
}

function checkText({ file, case: name, fit, facts, problems, warnings }: CheckDocument): string {
  const subject = printable(name === undefined ? file : `${file}, case ${name}`);
  const lines = [`${subject}: ${fit ? 'fit to run' : 'NOT fit to run'}`];
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
  `  ${kind}      ${printableLines(message)}`,
  `               ${remedy} [${code}]`,
];
