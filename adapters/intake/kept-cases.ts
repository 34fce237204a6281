import { caseInputKey, type CaseId, type JobId } from '../../core/layout.ts';
import type { ObjectStore } from '../../core/ports.ts';

/** The CT of a case that is fit: a small one in memory, a larger one as a local file that goes away afterwards. */
export type UnpackedCt = { readonly content: Uint8Array } | { readonly path: string };

/** Those in memory that are stored at a time: each waits for the disk or the network most of its time. */
const STORED_AT_ONCE = 8;

/** Stores the CTs of a job's cases while the next ones are unpacked. */
export class KeptCases {
  readonly #store: Pick<ObjectStore, 'put' | 'putFile'>;
  readonly #jobId: JobId;
  readonly #storing: Promise<unknown>[] = [];

  constructor(store: Pick<ObjectStore, 'put' | 'putFile'>, jobId: JobId) {
    this.#store = store;
    this.#jobId = jobId;
  }

  /** Takes a CT over and returns its key, under which it lies once `stored` has ended. Throws what the store throws. */
  async keep(caseId: CaseId, ct: UnpackedCt): Promise<string> {
    const key = caseInputKey(this.#jobId, caseId);
    if ('path' in ct) return (await this.#store.putFile(key, ct.path, { givenUp: true })).key;
    if (this.#storing.length === STORED_AT_ONCE) await this.#storing.shift();
    const storing = this.#store.put(key, ct.content);
    // It is heard of when its turn comes.
    storing.catch(() => undefined);
    this.#storing.push(storing);
    return key;
  }

  /** Waits until nothing is being stored any more, then throws what the store has thrown. */
  async stored(): Promise<void> {
    await Promise.allSettled(this.#storing);
    await Promise.all(this.#storing);
  }
}
