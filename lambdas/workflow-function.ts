import { asHpbError } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';

/** What Step Functions calls, or EventBridge. */
export type Invoked = (payload: unknown) => Promise<unknown>;

/**
 * A function whose failure Step Functions can match on: the name of what it throws is the error code. The runtime logs
 * what is thrown with all its fields, so nothing but code and sentence goes out, and of foreign errors, which may quote
 * anything, their name alone.
 */
export function invokedFunction(log: Log, work: Invoked): Invoked {
  return async (payload) => {
    try {
      return await work(payload);
    } catch (thrown) {
      const error = asHpbError(thrown);
      const { code, cause } = error;
      if (code !== 'UNEXPECTED') {
        log.error('function:failed', { code });
        throw new FunctionFailure(code, error.message);
      }
      const name = cause instanceof Error ? cause.name : 'Error';
      log.error('function:failed', { code, error: name });
      throw new FunctionFailure(code, `Something that we did not foresee went wrong: ${name}.`);
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
