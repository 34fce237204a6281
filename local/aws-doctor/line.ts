import { asHpbError } from '../../core/errors.ts';
import type { DoctorLine } from '../doctor.ts';

/** A finding that is as it should be. */
export const ok = (name: string, found: string): DoctorLine => ({ name, status: 'ok', found, remedy: '' });

/** A finding with which jobs may still run. */
export const warn = (name: string, found: string, remedy: string): DoctorLine => ({
  name,
  status: 'warn',
  found,
  remedy,
});

/** A finding with which no job can run. */
export const fail = (name: string, found: string, remedy: string): DoctorLine => ({
  name,
  status: 'fail',
  found,
  remedy,
});

const DENIED = /AccessDenied|UnauthorizedOperation|NotAuthorized|Forbidden/i;

/** What to look at. */
interface Look {
  readonly name: string;
  /** The permission that looking takes, such as `batch:DescribeJobQueues`. */
  readonly permission: string;
}

/**
 * The lines of one look. What may not be looked at is a warning that names the permission: nothing is known to be
 * wrong. What does not answer fails.
 */
export async function looked(
  { name, permission }: Look,
  look: () => Promise<readonly DoctorLine[]>,
): Promise<readonly DoctorLine[]> {
  try {
    return await look();
  } catch (thrown) {
    const { message, remedy, details } = asHpbError(thrown);
    if (DENIED.test(String(details['error'])) || DENIED.test(message))
      return [
        warn(
          name,
          `these credentials may not look (${permission})`,
          `Allow ${permission}, or ask somebody who may.`,
        ),
      ];
    return [fail(name, message, remedy)];
  }
}
