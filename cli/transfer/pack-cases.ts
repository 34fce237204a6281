import { createHash } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { access, readdir, rm, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { fileError, outputError } from '../../adapters/file-error.ts';
import { makeFolder } from '../../adapters/make-folder.ts';
import { writeZip, type ZipMember } from '../../adapters/zip-archive.ts';
import { asHpbError, HpbError } from '../../core/errors.ts';
import { caseNames } from '../../local/case-names.ts';
import { printable } from '../../local/text.ts';

/** An archive made for an upload. */
export interface PackedCases {
  readonly path: string;
  /** CTs in it. */
  readonly cts: number;
  /** Files of the folder that are no CTs and stayed behind. */
  readonly leftBehind: number;
}

const CT = /\.nii(\.gz)?$/i;
const HIDDEN = /^(\.|__MACOSX$)/;

/**
 * Packs the CTs (`.nii`, `.nii.gz`) of a folder, or CTs given one by one, into a ZIP below `workFolder`. The same
 * files, unchanged, are the same archive at the same place; one that is there already is taken as it is, so an
 * interrupted upload of it can go on.
 *
 * @throws HpbError INPUT_* (what cannot be read by its name; INPUT_VANISHED when a CT changes meanwhile), ARCHIVE_NO_CASES, DISK_FULL, OUTPUT_UNWRITABLE.
 */
export async function packCases(
  source: string | readonly string[],
  workFolder: string,
): Promise<PackedCases> {
  const found = typeof source === 'string' ? await folderMembers(source) : listedMembers(source);
  const { members, leftBehind } = found;
  if (members.length === 0)
    throw new HpbError(
      'ARCHIVE_NO_CASES',
      `The folder holds no CT: none of its ${leftBehind} files ends in .nii or .nii.gz.`,
      { remedy: 'Convert DICOM series first: `dcm2niix -z y -o OUT FOLDER` writes .nii.gz.' },
    );
  const state = await fingerprint(members);
  const path = join(workFolder, `${state}.zip`);
  try {
    await makeFolder(workFolder);
  } catch (error) {
    throw outputError(error);
  }
  if ((await stat(path).catch(() => null)) === null) await packUnchanged(path, members, state);
  return { path, cts: members.length, leftBehind };
}

/**
 * What tells these CTs, as they are now, from others: the name of their archive is made of it.
 *
 * @throws HpbError as `packCases` for what cannot be read.
 */
export async function casesFingerprint(source: string | readonly string[]): Promise<string> {
  const { members } = typeof source === 'string' ? await folderMembers(source) : listedMembers(source);
  return fingerprint(members);
}

async function folderMembers(
  folder: string,
): Promise<{ readonly members: readonly ZipMember[]; readonly leftBehind: number }> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
      .filter((name) => !name.split(sep).some((step) => HIDDEN.test(step)));
    const cts = files.filter((name) => CT.test(name));
    const members = cts.map((name) => ({ name: name.replaceAll(sep, '/'), path: join(folder, name) }));
    return { members, leftBehind: files.length - cts.length };
  } catch (error) {
    throw fileError(error);
  }
}

function listedMembers(paths: readonly string[]): {
  readonly members: readonly ZipMember[];
  readonly leftBehind: 0;
} {
  const names = caseNames(paths);
  const members = paths.map((path, at) => ({
    name: `${names[at]!}${CT.exec(path)?.[0].toLowerCase() ?? ''}`,
    path,
  }));
  const other = paths.find((path) => !CT.test(path));
  if (other !== undefined)
    throw new HpbError(
      'USAGE',
      `--batch packs CTs, and ${basename(other)} ends neither in .nii nor in .nii.gz.`,
      {
        remedy: 'Submit archives and folders by themselves.',
      },
    );
  return { members, leftBehind: 0 };
}

/** Half of one CT and half of another would be a CT too: nothing stays of an archive whose members changed meanwhile. */
async function packUnchanged(path: string, members: readonly ZipMember[], before: string): Promise<void> {
  const failed = await writeZip(path, members).then(
    () => null,
    (error: unknown) => ({ error }),
  );
  try {
    if ((await fingerprint(members)) !== before) throw changed();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  if (failed !== null) throw failed.error;
}

/** Of names, places, sizes and times: contents are not read twice. */
async function fingerprint(members: readonly ZipMember[]): Promise<string> {
  const hash = createHash('sha256');
  for (const member of [...members].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const { size, mtimeNs } = await factsOf(member);
    hash.update(`${member.name}\n${resolve(member.path)}\n${size}\n${mtimeNs}\n`);
  }
  return hash.digest('hex');
}

async function factsOf({ name, path }: ZipMember): Promise<BigIntStats> {
  try {
    const facts = await stat(path, { bigint: true });
    if (!facts.isFile())
      throw new HpbError('INPUT_UNREADABLE', 'It is a folder, a pipe or a device, not a file.', {
        remedy: '',
      });
    await access(path, constants.R_OK);
    return facts;
  } catch (thrown) {
    const { code, message } = asHpbError(fileError(thrown));
    throw new HpbError(code, `${printable(name)} cannot be packed. ${message}`, {
      remedy: 'Take it out, or put a CT there that can be read; a link may lead nowhere. Then start again.',
    });
  }
}

const changed = (): HpbError =>
  new HpbError('INPUT_VANISHED', 'A CT changed while it was packed.', {
    remedy: 'Wait until all are completely written, leave them in place, and start again.',
  });
