import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** Which keys a walk yields. */
interface WalkBounds {
  readonly prefix: string;
  /** Keys up to this one are left out. */
  readonly after: string;
}

/** Keys of the files below a folder that start with `prefix`, in key order, read folder by folder as they are asked for. */
export async function* walkKeys(root: string, bounds: WalkBounds): AsyncGenerator<string> {
  const folder = bounds.prefix.slice(0, bounds.prefix.lastIndexOf('/') + 1);
  yield* walkFolder(root, folder, bounds);
}

async function* walkFolder(root: string, folder: string, bounds: WalkBounds): AsyncGenerator<string> {
  const { prefix, after } = bounds;
  for (const key of await entriesOf(root, folder)) {
    if (key.endsWith('/')) {
      const wanted = key.startsWith(prefix) || prefix.startsWith(key);
      const isPast = key < after && !after.startsWith(key);
      if (wanted && !isPast) yield* walkFolder(root, key, bounds);
    } else if (key.startsWith(prefix) && key > after) yield key;
  }
}

/** What lies in a folder, in key order; folders end in `/`, which sorts them where their keys belong. */
async function entriesOf(root: string, folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
      throw error;
    },
  );
  const keys = entries.flatMap((entry) => {
    if (entry.name.startsWith('.')) return [];
    if (entry.isDirectory()) return [`${folder}${entry.name}/`];
    return entry.isFile() ? [`${folder}${entry.name}`] : [];
  });
  return keys.sort((a, b) => (a < b ? -1 : 1));
}

/** Folders of a key that lie below a prefix, or are it. */
export function foldersOf(key: string, prefix: string): readonly string[] {
  const segments = key.split('/').slice(0, -1);
  return segments
    .map((_, index) => `${segments.slice(0, index + 1).join('/')}/`)
    .filter((folder) => folder.startsWith(prefix) && prefix !== '');
}

/** Folders of a prefix that is one, it included, whether anything lies in them or not; none for another prefix. */
export async function foldersBelow(root: string, prefix: string): Promise<readonly string[]> {
  if (!prefix.endsWith('/')) return [];
  const entries = await readdir(join(root, prefix), { recursive: true, withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory());
  return [prefix, ...folders.map(({ parentPath, name }) => `${relative(root, join(parentPath, name))}/`)];
}
