import { statSync, type Stats } from 'node:fs';
import { HpbError } from '../core/errors.ts';
import { fileError } from './file-error.ts';

/**
 * Requires a file to be stored. Returns its size, bytes.
 *
 * @throws HpbError INPUT_NOT_FOUND, INPUT_UNREADABLE, INPUT_IS_FOLDER
 */
export function requireFile(path: string): number {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    throw fileError(error);
  }
  if (stats.isFile()) return stats.size;
  throw new HpbError('INPUT_IS_FOLDER', 'A folder was to be stored as a file.', { remedy: 'Give a file.' });
}

/** A stream to be stored that remembers its own error, so that it can be told from one of the store. */
export class WatchedSource implements AsyncIterable<Uint8Array> {
  /** Why the stream broke off; null while it did not. */
  failure: { readonly error: unknown } | null = null;
  /** What has come of it. */
  bytes = 0;
  readonly #chunks: AsyncIterable<Uint8Array>;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const iterator = this.#chunks[Symbol.asyncIterator]();
    let ended = false;
    try {
      for (;;) {
        const next = await this.#next(iterator);
        ended = next.done === true;
        if (next.done === true) return;
        this.bytes += next.value.byteLength;
        yield next.value;
      }
    } finally {
      if (!ended && this.failure === null) await iterator.return?.();
    }
  }

  async #next(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    try {
      return await iterator.next();
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }
}
