import { basename, join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { packageVersion } from '../../adapters/package-version.ts';
import { HpbError } from '../../core/errors.ts';
import type { MeshFormat } from '../../core/results/meshed-structures.ts';
import { caseNames } from '../../local/case-names.ts';
import type { GivenMask } from '../../local/given-masks.ts';
import { reportCase } from '../../local/report-case.ts';
import { resultText } from '../../local/result-text.ts';
import { jsonLine, printable } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { meshesOption } from '../options.ts';

interface ReportArguments {
  readonly label?: readonly GivenMask[];
  readonly name?: string;
  readonly meshes?: MeshFormat;
  readonly out: string;
  readonly json?: true;
}

const HELP = `
A mask is known by its name: liver.nii.gz, task008.nii.gz, totalseg.nii.gz (values as in docs/reference/models.md), or
the name of a structure as TotalSegmentator writes it (spleen.nii.gz). Others are told with --label; a
structure that is told more than once is all of them together. No engine runs.

Examples:
  hpb report scan.nii.gz liver.nii.gz task008.nii.gz
  hpb report scan.nii.gz totalseg/*.nii.gz --name scan
  hpb report scan.nii.gz --label liver=mine.nii.gz:1 --label liver_tumors=mine.nii.gz:2
`;

/** `hpb report`: the result package of a CT with masks that any tool made. */
export function registerReport(program: Command, context: CommandContext): void {
  program
    .command('report')
    .description('Make measures, pictures, meshes and a report from a CT and masks made elsewhere.')
    .argument('<ct>', 'NIfTI file (.nii or .nii.gz)')
    .argument('[masks...]', 'NIfTI label maps on the grid of the CT')
    .option('--label <structure=file[:value]>', 'a structure in a mask; may be repeated', parseLabel)
    .option('--name <name>', 'name of the case (default: that of the CT)')
    .option('--out <dir>', 'folder of the results', 'hpb-results')
    .addOption(meshesOption())
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .action(async (ct: string, files: readonly string[], options: ReportArguments) => {
      const named = files.map((path): GivenMask => ({ path, structure: null, value: null }));
      const masks = [...named, ...(options.label ?? [])];
      if (masks.length === 0) throw noMasks();
      const { settings, packageRoot, signal, stdout } = context;
      const name = options.name ?? caseNames([ct])[0]!;
      const { folder, zip, metadata } = await reportCase(
        { ct, masks, name: requireName(name), out: options.out },
        {
          settings: { ...settings, ...(options.meshes !== undefined && { HPB_MESHES: options.meshes }) },
          serviceVersion: packageVersion(packageRoot),
          signal,
        },
      );
      const report = join(folder, 'report.html');
      stdout.write(
        options.json
          ? jsonLine({ folder, zip, report, metadata })
          : `${resultText({ case: null, metadata })}\nResults: ${printable(folder)}\n         ${printable(zip)}\nReport:  ${printable(report)}\n`,
      );
    });
}

function parseLabel(text: string, before: readonly GivenMask[] = []): readonly GivenMask[] {
  const [, structure, path, value] = /^([^=]+)=(.+?)(?::(\d+))?$/.exec(text) ?? [];
  if (structure === undefined || path === undefined)
    throw new InvalidArgumentError('Give <structure>=<file>, or <structure>=<file>:<value>.');
  return [...before, { structure, path, value: value === undefined ? null : Number(value) }];
}

/** A name is a folder of its own in the output, nothing else. */
function requireName(name: string): string {
  if (name !== '' && name === basename(name) && name !== '.' && name !== '..') return name;
  throw new HpbError('USAGE', `${JSON.stringify(name)} cannot be the name of a folder.`, {
    remedy: 'Give a --name without separators.',
  });
}

const noMasks = (): HpbError =>
  new HpbError('USAGE', 'There is no mask to report on.', {
    remedy: 'Give mask files, or --label <structure>=<file>.',
  });
