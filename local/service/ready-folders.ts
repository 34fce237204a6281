import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { ZipMember } from '../../adapters/zip-archive.ts';

/** Says that a folder is to be taken, once nothing in it changes any more. */
export const READY_MARK = '_READY';
/** Names under which programs write what is not finished. */
export const UNFINISHED = /^\.|\.(part|partial|tmp|crdownload|filepart)$/i;
/** Archives are cases of their own, which nobody packs once more. */
const ARCHIVE = /\.(zip|tar|tgz|tar\.gz)$/i;

/** A folder that is to become one batch. */
export interface ReadyFolder {
  readonly path: string;
  /** Below the drop box: `<folder>` or `<source>/<folder>`. */
  readonly name: string;
  readonly bytes: number;
  /** The same for the same files, whatever process asks. */
  readonly version: string;
  /** Its files, those that are not finished left out. */
  readonly members: readonly ZipMember[];
}

/** Folders of a drop box, and of the folders in it, that have the mark. */
export async function readyFolders(box: string): Promise<readonly ReadyFolder[]> {
  const found: ReadyFolder[] = [];
  for (const outer of await foldersIn(box)) {
    const own = await readyFolder(box, outer);
    if (own !== null) found.push(own);
    else
      for (const inner of await foldersIn(join(box, outer))) {
        const one = await readyFolder(box, `${outer}/${inner}`);
        if (one !== null) found.push(one);
      }
  }
  return found;
}

/** A folder of the drop box as it now is, or as far as it has the files of `only`; null when it has no mark. */
export async function readyFolder(
  box: string,
  name: string,
  only?: readonly ZipMember[],
): Promise<ReadyFolder | null> {
  const path = join(box, name);
  const mark = await factsOf(join(path, READY_MARK));
  if (mark === null || !mark.isFile()) return null;
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  const hash = createHash('sha256').update(versionOf(mark));
  const members: ZipMember[] = [];
  let bytes = 0;
  const files = entries.filter((entry) => !entry.isDirectory()).map(at);
  const wanted = only && new Set(only.map((member) => member.path));
  for (const file of files.filter((one) => wanted?.has(one) ?? true).sort()) {
    const member = relative(path, file).split(sep).join('/');
    const facts = await factsOf(file);
    // A link is refused by who takes the folder; to open a pipe would wait for its writer.
    if (facts === null || !isMember(member) || !(facts.isFile() || facts.isSymbolicLink())) continue;
    members.push({ name: member, path: file });
    bytes += Number(facts.size);
    hash.update(`\n${member}\n${versionOf(facts)}`);
  }
  return { path, name, bytes, version: hash.digest('hex'), members };
}

const at = ({ parentPath, name }: { readonly parentPath: string; readonly name: string }): string =>
  join(parentPath, name);

const isMember = (name: string): boolean =>
  name !== READY_MARK && !ARCHIVE.test(name) && !name.split('/').some((step) => UNFINISHED.test(step));

async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.flatMap((entry) =>
    entry.isDirectory() && !UNFINISHED.test(entry.name) ? [entry.name] : [],
  );
}

const factsOf = (path: string): Promise<BigIntStats | null> =>
  lstat(path, { bigint: true }).catch(() => null);

const versionOf = ({ ino, size, mtimeNs }: BigIntStats): string => `${ino}-${size}-${mtimeNs}`;
