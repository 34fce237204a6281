import { join } from 'node:path';
import { outputError } from '../../adapters/file-error.ts';
import { acquireProcessLock, lockHolder } from '../../adapters/process-lock.ts';
import { HpbError } from '../../core/errors.ts';

const lockPath = (dataRoot: string): string => join(dataRoot, 'service.lock');

/** Whether a service works in a data root now. */
export async function isServed(dataRoot: string): Promise<boolean> {
  return (await lockHolder(lockPath(dataRoot))) !== null;
}

/**
 * Takes the data root for this server; call the returned function to give it back. The lock of a server that was
 * killed is taken over.
 *
 * @throws HpbError DATA_ROOT_LOCKED naming the process that has it; OUTPUT_UNWRITABLE or DISK_FULL.
 */
export async function lockDataRoot(dataRoot: string): Promise<() => Promise<void>> {
  const held = new AbortController();
  let holder = 0;
  try {
    return await acquireProcessLock(lockPath(dataRoot), {
      signal: held.signal,
      onWait: (pid) => {
        holder = pid;
        held.abort();
      },
    });
  } catch (thrown) {
    if (!held.signal.aborted) throw dataRootError(dataRoot, thrown);
    throw new HpbError('DATA_ROOT_LOCKED', `Another service (process ${holder}) works in ${dataRoot}.`, {
      remedy:
        'Use that one, end it, or give this one another HPB_DATA_ROOT and HPB_PORT. If this data root is a copy of its one, remove service.lock from the copy.',
      details: { pid: holder },
    });
  }
}

/** What went wrong when the service was to start, with the data root named where that cannot be written to. */
export function dataRootError(dataRoot: string, thrown: unknown): unknown {
  const error = outputError(thrown);
  if (!(error instanceof HpbError) || error === thrown) return error;
  const { code, details, cause } = error;
  if (code === 'DISK_FULL')
    return new HpbError('DISK_FULL', `The disk of the data root ${dataRoot} is full.`, {
      remedy: 'Free some space on it and start again; what is stored there is untouched.',
      cause,
    });
  return new HpbError(
    'OUTPUT_UNWRITABLE',
    `The data root ${dataRoot} cannot be written to (${String(details['errno'])}).`,
    { remedy: 'Set HPB_DATA_ROOT to a folder that the user that runs this may write to.', details, cause },
  );
}
