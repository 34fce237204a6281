import type { Command } from 'commander';
import type { ViewerCaseId } from '../../core/layout.ts';
import { unpublishCase } from '../../core/use-cases/unpublish-case.ts';
import { bytesText, jsonLine } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { viewerCaseIdArgument, viewerPlace } from '../viewer-place.ts';

/** `hpb unpublish`: a case out of the LearnHPB viewer. */
export function registerUnpublish(program: Command, context: CommandContext): void {
  program
    .command('unpublish')
    .description('Take a case out of the LearnHPB viewer, with all its files.')
    .argument('<id>', 'what the case is called there', viewerCaseIdArgument)
    .requiredOption('--from <place>', 's3://bucket that the viewer reads, or a folder')
    .option('--json', 'print one JSON document')
    .action(async (id: ViewerCaseId, { from, json }: { readonly from: string; readonly json?: true }) => {
      const removed = await unpublishCase(await viewerPlace(from, context.settings.AWS_REGION), id);
      context.stdout.write(
        json
          ? jsonLine({ id, ...removed })
          : `Removed ${id}: ${removed.objects} files, ${bytesText(removed.bytes)}\n`,
      );
    });
}
