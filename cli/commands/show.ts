import type { Command } from 'commander';
import { readMetadata } from '../../local/read-metadata.ts';
import { resultText } from '../../local/result-text.ts';
import { jsonLine } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';

const HELP = `
Examples:
  hpb show scan_results.zip
  hpb show hpb-results/scan
  hpb show results.zip --json | jq '{case, liver: .metadata.hpb.liverVolumeMl}'
`;

/** `hpb show`: the measures of a result as tables. */
export function registerShow(program: Command, context: CommandContext): void {
  program
    .command('show')
    .description('Print the measures of a result: verdict, volumes, lesions, density.')
    .argument('<result>', 'results ZIP of a case or a batch, or the folder that it was unpacked to')
    .option('--json', 'print one JSON document a case: its folder in a batch, and its metadata.json')
    .addHelpText('after', HELP)
    .action(async (path: string, options: { json?: true }) => {
      for (const one of await readMetadata(path))
        context.stdout.write(options.json ? jsonLine(one) : resultText(one));
    });
}
