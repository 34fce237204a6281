import { HpbError } from '../core/errors.ts';

/**
 * An error of the file system on reading the caller's input, as an `HpbError`: missing, unreadable, gone
 * meanwhile. An `HpbError` stays as it is. The path is not repeated: file names may hold patient data.
 */
export function fileError(thrown: unknown): unknown {
  if (thrown instanceof HpbError || !(thrown instanceof Error)) return thrown;
  const code = (thrown as NodeJS.ErrnoException).code;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new HpbError('INPUT_NOT_FOUND', 'There is no file at the path given.', {
        remedy: 'Check the path; quote it if it holds spaces.',
        cause: thrown,
      });
    case 'EACCES':
    case 'EPERM':
      return new HpbError('INPUT_UNREADABLE', 'We have no permission to read the file.', {
        remedy: 'Give the user that runs this read permission (`chmod +r FILE`).',
        cause: thrown,
      });
    case 'ESTALE':
    case 'ENXIO':
      return new HpbError('INPUT_VANISHED', 'The file went away while we read it.', {
        remedy: 'Leave the CT in place until the run is over, and start again.',
        cause: thrown,
      });
    case undefined:
      return thrown;
    default:
      return new HpbError('INPUT_UNREADABLE', `The file system cannot read the file (${code}).`, {
        remedy: 'Check the disk or the network share, or copy the CT to a local disk first.',
        details: { errno: code },
        cause: thrown,
      });
  }
}

/** Whether the code of a file system's error says that the disk, or the part of it that this user may fill, is full. */
export const isFull = (code: string | undefined): boolean => code === 'ENOSPC' || code === 'EDQUOT';

/** An error of the file system on writing a result, as an `HpbError`: `DISK_FULL` or `OUTPUT_UNWRITABLE`. */
export function outputError(thrown: unknown): unknown {
  if (thrown instanceof HpbError || !(thrown instanceof Error)) return thrown;
  const code = (thrown as NodeJS.ErrnoException).code;
  if (code === undefined || code.startsWith('ERR_')) return thrown;
  if (isFull(code))
    return new HpbError('DISK_FULL', 'The disk is full, the result was not written.', {
      remedy: 'Free some space (`hpb doctor` shows how much is free) and start again.',
      cause: thrown,
    });
  return new HpbError('OUTPUT_UNWRITABLE', `The result cannot be written to its folder (${code}).`, {
    remedy:
      code === 'ENAMETOOLONG'
        ? 'The name of the case is too long for the disk: give a shorter one, or rename the CT.'
        : 'Check that the folder exists and that the user that runs this may write there.',
    details: { errno: code },
    cause: thrown,
  });
}
