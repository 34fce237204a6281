import { HpbError, type ErrorDetails } from '../../core/errors.ts';

/** What an archive may hold; the caller's bounds for one request. */
export interface ArchiveBounds {
  readonly maxCases: number;
  /** Of all members together, whether they are cases or not. */
  readonly maxUnpackedBytes: number;
}

/** Most members of an archive, folders included. */
export const MAX_MEMBERS = 100_000;
/** Most bytes of all names, comments and extra fields: what a listing may cost in memory. */
export const MAX_LISTING_BYTES = 64 * 2 ** 20;
/** Most bytes of one CT: the 2 GiB of voxels that the NIfTI reader takes, with room for the header. */
export const MAX_MEMBER_BYTES = 2 ** 31 + 2 ** 27;

/** CT with noise gains 2 to 4 by compression, with empty borders 20. */
const MAX_RATIO = 200;
const FREE_BYTES = 64 * 2 ** 20;

/** Whether so many bytes out of so few are no CT but an attempt to fill the disk. */
export const isBomb = (unpackedBytes: number, packedBytes: number): boolean =>
  unpackedBytes > FREE_BYTES + MAX_RATIO * packedBytes;

/** The refusal of an archive that cannot be read. */
export function unreadable(message: string, cause?: unknown): HpbError {
  return new HpbError('ARCHIVE_UNREADABLE', message, {
    remedy: 'Pack the cases again as .zip, .tar or .tar.gz, test the archive, and upload it whole.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The refusal of an archive that holds more than we take. */
export function tooLarge(message: string, details: ErrorDetails): HpbError {
  return new HpbError('ARCHIVE_TOO_LARGE', message, {
    remedy: 'Send the cases in several archives, with nothing but the CTs in them.',
    details,
  });
}

/** The refusal of an archive whose members unpack to more than the request allows. */
export function unpacksToTooMuch(bytes: number, { maxUnpackedBytes }: ArchiveBounds): HpbError {
  return tooLarge(`The archive unpacks to ${bytes} bytes or more; at most ${maxUnpackedBytes} are taken.`, {
    bytes,
    maxUnpackedBytes,
  });
}

/** The refusal of one member whose bytes are not what the archive promises. */
export function memberCorrupt(reason: string, cause?: unknown): HpbError {
  return new HpbError('ARCHIVE_MEMBER_CORRUPT', `The CT of this case cannot be unpacked: ${reason}.`, {
    remedy: 'Pack the case again from the original file; `unzip -t ARCHIVE` must be silent.',
    ...(cause === undefined ? {} : { cause }),
  });
}
