import { randomUUID } from 'node:crypto';
import { access, constants, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { outputError } from '../adapters/file-error.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { CaseResult } from '../core/shard.ts';

/** Where the results of a case lie. */
export interface ExportedCase {
  readonly folder: string;
  readonly zip: string;
}

/**
 * Makes the folder of results if need be and sees that it can be written to.
 *
 * @throws HpbError OUTPUT_UNWRITABLE or DISK_FULL.
 */
export async function prepareOutput(out: string): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
    await access(out, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw outputError(error);
  }
}

/**
 * Copies a finished case to `<out>/<name>/` and `<out>/<name>_results.zip`, in place of what an earlier run left
 * there. Both are built beside their place and renamed, so neither is ever half there.
 *
 * @throws HpbError OUTPUT_UNWRITABLE or DISK_FULL.
 */
export async function exportCase(
  store: ObjectStore,
  result: CaseResult,
  out: string,
  name: string,
): Promise<ExportedCase> {
  const building = join(out, `.hpb-${randomUUID()}`);
  const folder = join(out, name);
  const zip = join(out, `${name}_results.zip`);
  try {
    await mkdir(join(building, 'case'), { recursive: true });
    for (const file of result.files) await store.getFile(file.key, join(building, 'case', file.name));
    if (result.zip !== null) await store.getFile(result.zip.key, join(building, 'results.zip'));
    // A folder cannot be renamed onto one that holds something: the old one steps aside first.
    await rename(folder, join(building, 'old')).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(join(building, 'case'), folder);
    await rename(join(building, 'results.zip'), zip);
    return { folder, zip };
  } catch (error) {
    throw outputError(error);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}
