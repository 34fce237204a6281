import { randomUUID } from 'node:crypto';
import { access, constants, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { outputError } from '../adapters/file-error.ts';
import { makeFolder } from '../adapters/make-folder.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { CaseResult } from '../core/shard.ts';
import {
  requireInputsOutside,
  requireReplaceable,
  resultPlaces,
  type ResultPlaces,
} from './result-places.ts';

/**
 * Makes a folder if need be and sees that it can be written to.
 *
 * @throws HpbError OUTPUT_UNWRITABLE or DISK_FULL.
 */
export async function prepareFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw outputError(error);
  }
}

/**
 * Makes the folder of results if need be, and sees that results of these names can be written there without the loss
 * of anything: neither what others have put there, nor an input.
 *
 * @throws HpbError OUTPUT_UNWRITABLE or DISK_FULL.
 */
export async function prepareOutput(
  out: string,
  names: readonly string[],
  inputs: readonly string[],
): Promise<void> {
  const places = names.map((name) => resultPlaces(out, name));
  await prepareFolder(out);
  try {
    await requireInputsOutside(inputs, places);
    for (const place of places) await requireReplaceable(place);
  } catch (error) {
    throw outputError(error);
  }
}

/**
 * Copies a finished case to `<out>/<name>/` and `<out>/<name>_results.zip`, in place of the result that an earlier run
 * left there; anything else there stays. Both are built beside their place and renamed, so neither is ever half there.
 *
 * @throws HpbError OUTPUT_UNWRITABLE or DISK_FULL.
 */
export async function exportCase(
  store: ObjectStore,
  result: CaseResult,
  out: string,
  name: string,
): Promise<ResultPlaces> {
  const building = join(out, `.hpb-${randomUUID()}`);
  const places = resultPlaces(out, name);
  try {
    await mkdir(join(building, 'case'), { recursive: true });
    for (const file of result.files) await store.getFile(file.key, join(building, 'case', file.name));
    if (result.zip !== null) await store.getFile(result.zip.key, join(building, 'results.zip'));
    await putInPlace(building, places);
    return places;
  } catch (error) {
    throw outputError(error);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

/**
 * Renames `<building>/case` and `<building>/results.zip` to their places, where an older result of ours steps aside into
 * `building`; anything else there stays, and nothing is changed.
 *
 * @throws HpbError OUTPUT_UNWRITABLE, and errors of the file system.
 */
export async function putInPlace(building: string, places: ResultPlaces): Promise<void> {
  // The run took its time: somebody may have put something there meanwhile.
  await requireReplaceable(places);
  // A folder cannot be renamed onto one that holds something: the old one steps aside first.
  await rename(places.folder, join(building, 'old')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(join(building, 'case'), places.folder);
  await rename(join(building, 'results.zip'), places.zip);
}
