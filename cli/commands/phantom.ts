import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { outputError } from '../../adapters/file-error.ts';
import { makeFolder } from '../../adapters/make-folder.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { makePhantom, phantomGrid, type Phantom } from '../../core/volume/phantom.ts';
import type { CommandContext } from '../context.ts';
import { jsonLine, tableText } from '../../local/text.ts';

interface PhantomArguments {
  readonly out: string;
  readonly size: 'small' | 'full';
  readonly seed: number;
  readonly orientation: string;
  readonly json?: true;
}

/** `hpb phantom`: a synthetic abdominal CT with known truth, as `phantom.nii.gz` and `phantom_truth.nii.gz`. */
export function registerPhantom(program: Command, context: CommandContext): void {
  program
    .command('phantom')
    .description('Make a synthetic abdominal CT with its truth label map and the volumes of its structures.')
    .requiredOption('--out <dir>', 'folder to write into')
    .addOption(
      new Option('--size <size>', '3 mm voxels, or a clinical grid')
        .choices(['small', 'full'])
        .default('small'),
    )
    .option('--seed <n>', 'another patient for every seed', parseSeed, 1)
    .option(
      '--orientation <axes>',
      'axis codes of the voxel grid, such as RAS or LPS',
      parseOrientation,
      'RAS',
    )
    .option('--json', 'print one JSON document')
    .action(async (options: PhantomArguments) => {
      const written = await writePhantom(options);
      context.stdout.write(options.json ? jsonLine(written) : phantomText(written));
    });
}

/** What phantom.json and `--json` say. */
interface PhantomDocument {
  readonly seed: number;
  readonly size: PhantomArguments['size'];
  readonly ct: string;
  readonly truth: string;
  readonly structures: Phantom['structures'];
}

async function writePhantom(options: PhantomArguments): Promise<PhantomDocument> {
  const { out, seed, size, orientation } = options;
  const places = { ct: join(out, 'phantom.nii.gz'), truth: join(out, 'phantom_truth.nii.gz') };
  try {
    await makeFolder(out);
    const { ct, truth, structures } = makePhantom({ seed, grid: phantomGrid(size, { orientation }) });
    await writeNifti(places.ct, ct);
    await writeNifti(places.truth, truth);
    const document = { seed, size, ...places, structures };
    await writeFile(join(out, 'phantom.json'), `${JSON.stringify(document, null, 2)}\n`);
    return document;
  } catch (error) {
    throw outputError(error);
  }
}

function phantomText({ ct, truth, structures }: PhantomDocument): string {
  const rows = structures.map(({ label, name, voxelMl }) => [String(label), name, voxelMl.toFixed(1)]);
  const table = tableText([['label', 'structure', 'ml'], ...rows], [0, 2]);
  return `${table}\n\nWritten: ${ct}\nTruth:   ${truth}\n`;
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new InvalidArgumentError('A seed is a whole number from 0 up.');
  return seed;
}

function parseOrientation(text: string): string {
  const codes = text.toUpperCase();
  const axes = codes.split('').map((code) => 'RLAPSI'.indexOf(code) >> 1);
  if (codes.length !== 3 || axes.includes(-1) || new Set(axes).size !== 3) {
    throw new InvalidArgumentError(
      'Three axis codes, one of R/L, one of A/P and one of S/I, such as RAS or LPS.',
    );
  }
  return codes;
}
