import type { Command } from 'commander';
import { diffResults, type ResultDiff } from '../../local/diff-results.ts';
import { jsonLine, printable, tableText } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';

const HELP = `
Dice is 1 for equal masks. Distances are between the surfaces of both, in mm: their mean, 95th percentile and largest
(Hausdorff). Exit code 0 whether they differ or not.

Examples:
  hpb diff before_results.zip after_results.zip
  hpb diff fast/scan slow/scan --json | jq '.structures[] | {structure, dice}'
`;

/** `hpb diff`: how two results of one CT differ. */
export function registerDiff(program: Command, context: CommandContext): void {
  program
    .command('diff')
    .description(
      'Compare two results of the same CT: Dice, volumes and surface distances of every structure.',
    )
    .argument('<a>', 'results ZIP or folder')
    .argument('<b>', 'results ZIP or folder')
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .action(async (a: string, b: string, options: { json?: true }) => {
      const diff = await diffResults(a, b);
      context.stdout.write(options.json ? jsonLine(diff) : diffText(diff));
    });
}

function diffText({ structures, onlyInA, onlyInB }: ResultDiff): string {
  const rows = structures.map(({ case: name, model, structure, volumesMl: [a, b], dice, surface }) => [
    name === null ? structure : `${printable(name)}: ${structure}`,
    model,
    a.toFixed(2),
    b.toFixed(2),
    a === 0 ? '–' : ((100 * (b - a)) / a).toFixed(1),
    dice?.toFixed(4) ?? '–',
    surface?.meanMm.toFixed(2) ?? '–',
    surface?.p95Mm.toFixed(2) ?? '–',
    surface?.mostMm.toFixed(2) ?? '–',
  ]);
  const heading = ['structure', 'model', 'a ml', 'b ml', 'b-a %', 'Dice', 'mean mm', '95 % mm', 'most mm'];
  const lines = [tableText([heading, ...rows], [2, 3, 4, 5, 6, 7, 8])];
  if (onlyInA.length > 0) lines.push(`Only in a: ${printable(onlyInA.join(', '))}`);
  if (onlyInB.length > 0) lines.push(`Only in b: ${printable(onlyInB.join(', '))}`);
  return `${lines.join('\n\n')}\n`;
}
