import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { outputError } from '../adapters/file-error.ts';
import type { MachinePaths } from '../adapters/machine-paths.ts';
import { makeFolder } from '../adapters/make-folder.ts';
import { HpbError } from '../core/errors.ts';
import { calibrationKey } from '../core/layout.ts';
import { calibration, type Calibration } from '../core/models/calibration.ts';

/** Where the service of this machine, and `hpb estimate`, look: in the store of the data root. */
export function calibrationFile({ dataRoot }: Pick<MachinePaths, 'dataRoot'>): string {
  return join(dataRoot, 'objects', calibrationKey());
}

/**
 * What `hpb calibrate` wrote; null when there is no file.
 *
 * @throws HpbError BAD_OPTION when it is something else.
 */
export async function readCalibration(path: string): Promise<Calibration | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  try {
    return calibration.parse(JSON.parse(text));
  } catch (cause) {
    throw new HpbError('BAD_OPTION', `${path} holds no calibration of this version.`, {
      remedy: 'Run `hpb calibrate` again, or remove the file.',
      cause,
    });
  }
}

/**
 * Writes it whole or not at all.
 *
 * @throws HpbError OUTPUT_UNWRITABLE or DISK_FULL.
 */
export async function writeCalibration(path: string, found: Calibration): Promise<void> {
  const unfinished = `${path}.${process.pid}`;
  try {
    await makeFolder(dirname(path));
    await writeFile(unfinished, `${JSON.stringify(found, null, 2)}\n`);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw outputError(error);
  }
}
