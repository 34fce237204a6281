import { outputError } from '../adapters/file-error.ts';
import { asHpbError, HpbError, type ErrorDocument } from '../core/errors.ts';

/**
 * Whatever ended a case, as an `HpbError`. The one place where errors of the file system that no adapter has
 * explained become `DISK_FULL` or `OUTPUT_UNWRITABLE`, and where a cancel gets the reason of whoever cancelled.
 */
export function caseError(thrown: unknown, cancel: AbortSignal): HpbError {
  const error = asHpbError(outputError(thrown));
  return error.code === 'CANCELLED' && cancel.aborted ? cancelReason(cancel) : error;
}

/** The error of an aborted signal: its reason when that is an `HpbError`, else `CANCELLED`. */
export function cancelReason({ reason }: AbortSignal): HpbError {
  if (reason instanceof HpbError) return reason;
  return new HpbError('CANCELLED', 'The case was cancelled before it was finished.', {
    remedy: 'Start again if this was not meant.',
  });
}

/** Throws the reason of an aborted signal. */
export function throwIfCaseCancelled(cancel: AbortSignal): void {
  if (cancel.aborted) throw cancelReason(cancel);
}

/** A finding of the input check as the error that refuses the case. */
export function refusal({ code, message, remedy, details }: ErrorDocument): HpbError {
  return new HpbError(code, message, { remedy, details });
}
