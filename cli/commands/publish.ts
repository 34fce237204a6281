import type { Command } from 'commander';
import { packageFolder } from '../../adapters/viewer-package-folder.ts';
import type { ViewerCaseId } from '../../core/layout.ts';
import { publishCase } from '../../core/use-cases/publish-case.ts';
import { bytesText, jsonLine } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { viewerCaseIdArgument, viewerPlace } from '../viewer-place.ts';

interface PublishArguments {
  readonly to: string;
  readonly id: ViewerCaseId;
  readonly title?: string;
  readonly json?: true;
}

/** `hpb publish`: a case into the LearnHPB viewer; nothing else ever puts one there. */
export function registerPublish(program: Command, context: CommandContext): void {
  program
    .command('publish')
    .description(
      'Put a case into the LearnHPB viewer: volume, meshes, manifest. Whoever can read that place then sees the CT.',
    )
    .argument(
      '<folder>',
      'results of a case, as `hpb segment` made them or `hpb fetch --unpack` unpacked them',
    )
    .requiredOption('--to <place>', 's3://bucket that the viewer reads, or a folder')
    .requiredOption(
      '--id <id>',
      'what the case is called there; never a name of a patient',
      viewerCaseIdArgument,
    )
    .option('--title <text>', 'shown to the reader (default: the id)')
    .option('--json', 'print one JSON document')
    .action(async (folder: string, { to, id, title, json }: PublishArguments) => {
      const viewer = await viewerPlace(to, context.settings.AWS_REGION);
      // Loaded when needed: nothing else draws JPEGs.
      const { jpegOfPng } = await import('../../adapters/viewer-thumbnail.ts');
      const published = await publishCase({ viewer, jpegOfPng }, await packageFolder(folder), { id, title });
      const { prefix, meshes, bytes } = published;
      context.stdout.write(
        json
          ? jsonLine(published)
          : `Published as ${id}: ${prefix} with ${meshes} ${meshes === 1 ? 'mesh' : 'meshes'}, ${bytesText(bytes)}\n\n` +
              `hpb unpublish ${id} --from ${to}\n`,
      );
    });
}
