import type { Dirent } from 'node:fs';
import { lstat, readdir, readFile, realpath } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { HpbError } from '../core/errors.ts';
import { MODEL_IDS, modelEntry } from '../core/models/catalogue.ts';
import { SCENE_FILE, VOLUME_FILE } from '../core/results/meshed-structures.ts';

/** Where the results of a case go. */
export interface ResultPlaces {
  readonly folder: string;
  readonly zip: string;
}

/** The places of the results of a case of this name. */
export function resultPlaces(out: string, name: string): ResultPlaces {
  return { folder: join(out, name), zip: join(out, `${name}_results.zip`) };
}

/** Every file that a result can consist of. */
const RESULT_FILES: ReadonlySet<string> = new Set([
  'meta.json',
  'metadata.json',
  'run.json',
  'receipt.json',
  'receipt.sig.json',
  'report.html',
  SCENE_FILE,
  VOLUME_FILE,
  ...MODEL_IDS.map((id) => modelEntry(id).output),
]);

/** Folders of a result, each with what its files are named like. */
const RESULT_FOLDERS: ReadonlyMap<string, RegExp> = new Map([
  ['segmentations', /^\w+\.(vtp|stl|mz3)$/],
  ['previews', /^\w+\.png$/],
]);

/** What metadata.json of any version of ours says, and nobody else's. */
const ourMetadata = z.object({
  schemaVersion: z.int(),
  provenance: z.object({ service: z.object({ name: z.literal('hpb-segmentation') }) }),
});

/**
 * Refuses places at which something lies that is no earlier result of ours, for results replace what is there. A
 * folder counts as ours when it is empty, or holds nothing but files named as ours and a metadata.json that names this
 * software; a ZIP when it is a file.
 *
 * @throws HpbError OUTPUT_UNWRITABLE naming what is in the way.
 */
export async function requireReplaceable({ folder, zip }: ResultPlaces): Promise<void> {
  const old = await lstat(folder).catch(missingIsNull);
  if (old !== null && !old.isDirectory()) throw inTheWay(folder, 'is there already and is no folder');
  if (old !== null) await requireOurFolder(folder);
  const oldZip = await lstat(zip).catch(missingIsNull);
  if (oldZip !== null && !oldZip.isFile()) throw inTheWay(zip, 'is there already and is no file');
}

/**
 * Refuses inputs that lie where results would replace them.
 *
 * @throws HpbError OUTPUT_UNWRITABLE naming the input.
 */
export async function requireInputsOutside(
  inputs: readonly string[],
  places: readonly ResultPlaces[],
): Promise<void> {
  const taken = await Promise.all(places.flatMap(({ folder, zip }) => [folder, zip]).map(realPathOf));
  for (const input of inputs) {
    const path = await realPathOf(input);
    const place = taken.find((one) => path === one || path.startsWith(one + sep));
    if (place !== undefined) throw inTheWay(input, `lies where its results would go (${place})`);
  }
}

function isOurs(folder: string, entry: Dirent): boolean {
  const within = relative(folder, entry.parentPath);
  if (entry.isDirectory()) return within === '' && RESULT_FOLDERS.has(entry.name);
  if (!entry.isFile()) return false;
  return within === ''
    ? RESULT_FILES.has(entry.name)
    : (RESULT_FOLDERS.get(within)?.test(entry.name) ?? false);
}

async function requireOurFolder(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const foreign = entries.find((entry) => !isOurs(folder, entry));
  if (foreign !== undefined) throw inTheWay(folder, `holds ${foreign.name}, which is no result of ours`);
  if (entries.length === 0) return;
  const text = await readFile(join(folder, 'metadata.json'), 'utf8').catch(missingIsNull);
  if (text === null || !ourMetadata.safeParse(parseJson(text)).success)
    throw inTheWay(folder, 'holds files that another program wrote: its metadata.json is not ours');
}

function inTheWay(path: string, why: string): HpbError {
  return new HpbError('OUTPUT_UNWRITABLE', `${path} ${why}. Nothing was changed.`, {
    remedy: 'Choose another folder with --out, or move what is there elsewhere.',
  });
}

function missingIsNull(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

/** Where a path leads; of one that is not there, where it would be. */
async function realPathOf(path: string): Promise<string> {
  return realpath(path).catch(async () => {
    const parent = resolve(path, '..');
    return parent === resolve(path)
      ? parent
      : join(await realPathOf(parent), resolve(path).slice(parent.length));
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
