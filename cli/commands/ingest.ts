import { randomUUID } from 'node:crypto';
import { copyFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { fileError, outputError } from '../../adapters/file-error.ts';
import { noFileError } from '../../adapters/input-file.ts';
import { makeFolder } from '../../adapters/make-folder.ts';
import { HpbError } from '../../core/errors.ts';
import { INGEST_PREFIX } from '../../core/layout.ts';
import { isServed } from '../../local/service/data-root-lock.ts';
import { jsonLine } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { copyToS3 } from '../transfer/s3-folder.ts';

/** Folder of what this command drops into a bucket. */
const SOURCE = 'hpb';

/** `hpb ingest`: drops an archive where the service takes archives up by itself. */
export function registerIngest(program: Command, context: CommandContext): void {
  program
    .command('ingest')
    .description(
      'Drop an archive of cases, or a CT, for the service to take up: into the ingest folder of this machine, or into HPB_INGEST_BUCKET. It becomes a job of its own.',
    )
    .argument('<archive>', 'archive (.zip, .tar, .tar.gz) or CT')
    .option('--json', 'print one JSON document: { place }')
    .action(async (archive: string, options: { readonly json?: true }) => {
      const place = await ingest(archive, context);
      context.stdout.write(options.json ? jsonLine({ place }) : `Dropped: ${place}\n\nhpb jobs\n`);
      const { settings, paths, stderr } = context;
      if (settings.HPB_INGEST_BUCKET === undefined && !(await isServed(paths.dataRoot)))
        stderr.write(
          `No service watches ${paths.dataRoot} now: the file is taken up when one starts (hpb serve).\n`,
        );
    });
}

async function ingest(archive: string, { settings, paths, signal }: CommandContext): Promise<string> {
  const [ending] = /\.(zip|tar|tgz|tar\.gz|nii|nii\.gz)$/i.exec(archive) ?? [];
  if (ending === undefined)
    throw new HpbError('USAGE', 'The file to ingest is, by its name, neither an archive nor a CT.', {
      remedy: 'Give a .zip, .tar, .tar.gz, .tgz, .nii or .nii.gz.',
    });
  await assertFile(archive);
  // File names can hold patient data, and this one becomes part of a storage key.
  const name = `${randomUUID()}${ending.toLowerCase()}`;
  if (settings.HPB_INGEST_BUCKET !== undefined) {
    const folder = { bucket: settings.HPB_INGEST_BUCKET, prefix: INGEST_PREFIX };
    return copyToS3(archive, folder, `${SOURCE}/${name}`, { region: settings.AWS_REGION, signal });
  }
  return dropInFolder(archive, join(paths.dataRoot, 'ingest'), name);
}

async function assertFile(path: string): Promise<void> {
  try {
    const kind = await stat(path);
    if (kind.isDirectory())
      throw new HpbError('INPUT_IS_FOLDER', 'The input to ingest is a folder, not a file.', {
        remedy: '`hpb submit FOLDER` packs and sends a folder.',
      });
    if (!kind.isFile()) throw noFileError();
  } catch (error) {
    throw fileError(error);
  }
}

/** The watcher shall never see half a file: it is copied under a hidden name first. */
async function dropInFolder(archive: string, folder: string, name: string): Promise<string> {
  const partial = join(folder, `.${name}.partial`);
  const place = join(folder, name);
  try {
    await makeFolder(folder);
    await copyFile(archive, partial);
    await rename(partial, place);
    return place;
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw outputError(error);
  }
}
