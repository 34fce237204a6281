import { HpbError } from '../core/errors.ts';
import type { ByteRange } from '../core/ports.ts';

/** What every store says in the same words, whatever it lies on. Keys are ours and hold no names of the caller's. */
const quoted = (key: string): string => JSON.stringify(key.slice(0, 200));

/** `OBJECT_NOT_FOUND` */
export function objectNotFound(key: string, cause?: unknown): HpbError {
  return new HpbError('OBJECT_NOT_FOUND', `The store has no object ${quoted(key)}.`, {
    remedy: 'It was removed, or never written. Look at the job that it belongs to.',
    cause,
  });
}

/** `OBJECT_EXISTS` */
export function objectExists(key: string, cause?: unknown): HpbError {
  return new HpbError('OBJECT_EXISTS', `The store has an object ${quoted(key)} already.`, {
    remedy: 'What is stored there is not replaced. Read it, or use another key.',
    cause,
  });
}

/** `OBJECT_CHANGED` */
export function objectChanged(key: string, cause?: unknown): HpbError {
  return new HpbError('OBJECT_CHANGED', `The object ${quoted(key)} was changed by another writer.`, {
    remedy: 'Read it again and repeat the change.',
    cause,
  });
}

/** `UPLOAD_NOT_FOUND`, of an upload in parts. */
export function multipartNotFound(cause?: unknown): HpbError {
  return new HpbError('UPLOAD_NOT_FOUND', 'There is no such upload in parts, or no longer.', {
    remedy: 'It was completed, aborted or has expired: look at the object, or begin a new upload.',
    cause,
  });
}

/** `UPLOAD_INCOMPLETE`, of an upload in parts. */
export function partsIncomplete(reason: string, cause?: unknown): HpbError {
  return new HpbError('UPLOAD_INCOMPLETE', `The parts do not make the object: ${reason}.`, {
    remedy: 'List the parts, send those that are missing, and complete with the tags of the list.',
    cause,
  });
}

/** `RANGE_NOT_SATISFIABLE`; `bytes` is the size of the object, null when it is not known. */
export function rangeNotSatisfiable(
  { start, end }: ByteRange,
  bytes: number | null,
  cause?: unknown,
): HpbError {
  const size = bytes === null ? 'the object' : `an object of ${bytes} bytes`;
  return new HpbError('RANGE_NOT_SATISFIABLE', `Bytes ${start}-${end ?? ''} are not part of ${size}.`, {
    remedy: 'Ask for a range that begins before the end, counted from 0.',
    details: { start, end: end ?? null, bytes },
    cause,
  });
}

/**
 * Requires that a range begins within an object.
 *
 * @param bytes Size of the object; `Infinity` when it is not known yet.
 * @throws HpbError RANGE_NOT_SATISFIABLE
 */
export function requireRange(range: ByteRange, bytes: number): void {
  const { start, end } = range;
  if (!(start >= 0 && start < bytes && (end ?? start) >= start))
    throw rangeNotSatisfiable(range, Number.isFinite(bytes) ? bytes : null);
}
