import { setTimeout as sleep } from 'node:timers/promises';
import { s3Error } from '../../adapters/s3-errors.ts';
import type { ObjectStore } from '../../core/ports.ts';

/** How a call of the store goes wrong: as the SDK tells it, through the real translation of its errors. */
export const STORE_FAULTS = {
  throttle: () => sdkError('SlowDown', 503),
  '500': () => sdkError('InternalError', 500),
  /** The request was carried out, the answer never came. */
  timeout: () => sdkError('TimeoutError'),
  /** Late, and well. */
  slow: () => null,
} as const;
export type StoreFault = keyof typeof STORE_FAULTS;

/** The process that makes a call of the store dies at it: before it is carried out, or right after. */
export class ProcessDied extends Error {}

const SLOW_MS = 30;

/** What happens to a call of the store: throws before it or after it, or lets it be. */
export interface StoreCall {
  readonly method: keyof ObjectStore;
  readonly before: () => Promise<void>;
  readonly after: () => Promise<void>;
}

type Decide = (method: keyof ObjectStore) => Pick<StoreCall, 'before' | 'after'> | null;

/** A store whose calls go wrong as `decide` says, which is asked at each of them. */
export function faultyStore(inner: ObjectStore, decide: Decide): ObjectStore {
  return new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]): Promise<unknown> => {
        const fault = decide(name as keyof ObjectStore);
        await fault?.before();
        const answer: unknown = await Reflect.apply(value, target, args);
        await fault?.after();
        return answer;
      };
    },
  });
}

/** A call that goes wrong in this way. */
export function failingCall(fault: StoreFault): ReturnType<Decide> {
  const thrown = STORE_FAULTS[fault]();
  const fail = async (): Promise<void> => {
    if (fault === 'slow' || fault === 'timeout') await sleep(SLOW_MS);
    if (thrown !== null) throw s3Error(thrown, { key: 'a key' });
  };
  const nothing = async (): Promise<void> => undefined;
  return fault === 'timeout' ? { before: nothing, after: fail } : { before: fail, after: nothing };
}

/** A call in which its process dies. */
export function deadlyCall(when: 'before' | 'after'): ReturnType<Decide> {
  const die = async (): Promise<void> => {
    throw new ProcessDied('The process is gone.');
  };
  const nothing = async (): Promise<void> => undefined;
  return when === 'before' ? { before: die, after: nothing } : { before: nothing, after: die };
}

function sdkError(name: string, status?: number): Error {
  const error = Object.assign(new Error(`S3 says ${name}.`), {
    ...(status !== undefined && { $metadata: { httpStatusCode: status } }),
  });
  error.name = name;
  return error;
}
