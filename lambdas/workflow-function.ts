import { asHpbError, HpbError } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';

/** What Step Functions calls, or EventBridge. */
export type Invoked = (payload: unknown) => Promise<unknown>;

/**
 * A function whose failure Step Functions can match on: the name of what it throws is the error code, or that of the
 * foreign error. The runtime logs what is thrown with all its fields, so nothing but name and sentence goes out, and
 * of foreign errors, which may quote anything, the name alone.
 */
export function invokedFunction(log: Log, work: Invoked): Invoked {
  return async (payload) => {
    try {
      return await work(payload);
    } catch (thrown) {
      const { code } = asHpbError(thrown);
      const name = thrown instanceof Error ? thrown.name : 'Error';
      log.error('function:failed', { code, error: name });
      throw new FunctionFailure(name, thrown instanceof HpbError ? thrown.message : `${name} (${code})`);
    }
  };
}

/** As Lambda reports it: `errorType` is the name. */
class FunctionFailure extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
    // Frames of the bundle say nothing to whoever reads the console.
    this.stack = `${name}: ${message}`;
  }
}
