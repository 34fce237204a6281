import { HpbError } from '../core/errors.ts';

/** Whether the SDK threw the error of this name. */
export const isAwsError = (thrown: unknown, name: string): boolean =>
  thrown instanceof Error && thrown.name === name;

/**
 * A failure of an AWS service as `SERVICE_UNREACHABLE`, which callers may retry; the SDK has done so several times.
 *
 * @param service As a person calls it: `Step Functions`.
 */
export function awsError(service: string, thrown: unknown): HpbError {
  const name = thrown instanceof Error ? thrown.name : 'Error';
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new HpbError('SERVICE_UNREACHABLE', `${service} did not do what was asked: ${name}: ${reason}`, {
    remedy: 'Look at region, credentials and permissions; when they are right, try again in a minute.',
    details: { service, error: name },
    cause: thrown,
  });
}
