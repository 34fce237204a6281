import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { HpbError } from '../../core/errors.ts';
import type { ByteRange, ObjectStore } from '../../core/ports.ts';
import { fileError } from '../file-error.ts';

/** Bytes that can be read as often as needed, from anywhere. */
export interface ByteSource {
  readonly bytes: number;
  /** The bytes of a range that begins within them, or all. */
  read(range?: ByteRange): AsyncIterable<Uint8Array>;
}

/** An object of the store. Throws `OBJECT_NOT_FOUND`. */
export async function storeSource(store: ObjectStore, key: string): Promise<ByteSource> {
  const facts = await store.head(key);
  if (facts === null)
    throw new HpbError('OBJECT_NOT_FOUND', 'The upload is not in the store (any more).', {
      remedy: 'Upload it again and start a new job.',
    });
  return sizedSource(store, key, facts.bytes);
}

/** An object of the store that is known to be there and to have so many bytes. */
export function sizedSource(store: ObjectStore, key: string, bytes: number): ByteSource {
  return {
    bytes,
    async *read(range) {
      yield* await store.stream(key, range);
    },
  };
}

/** The same bytes, until the signal is aborted: then reading ends with `CANCELLED`. */
export function stoppable(source: ByteSource, signal: AbortSignal | undefined): ByteSource {
  return {
    bytes: source.bytes,
    async *read(range) {
      for await (const chunk of source.read(range)) {
        refuseStopped(signal);
        yield chunk;
      }
    },
  };
}

/** Throws `CANCELLED` when the signal is aborted. */
export function refuseStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled();
}

/** A local file. Throws `INPUT_*`; reading ends with `CANCELLED` when the signal is aborted. */
export async function fileSource(path: string, signal?: AbortSignal): Promise<ByteSource> {
  const facts = await stat(path).catch((error: unknown) => {
    throw fileError(error);
  });
  return {
    bytes: facts.size,
    async *read(range) {
      try {
        const chunks = createReadStream(path, { ...range, highWaterMark: 2 ** 20 });
        for await (const chunk of chunks as AsyncIterable<Buffer>) {
          refuseStopped(signal);
          yield chunk;
        }
      } catch (error) {
        throw fileError(error);
      }
    },
  };
}

function cancelled(): HpbError {
  return new HpbError('CANCELLED', 'Reading the file was cancelled.', {
    remedy: 'Start again if this was not meant.',
  });
}

/** The chunks as they come, added to a hash on the way. */
export async function* hashed(chunks: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

/** The first bytes, as many as there are up to `most`. */
export async function headOf(source: ByteSource, most: number): Promise<Buffer> {
  if (source.bytes === 0) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.read({ start: 0, end: Math.min(most, source.bytes) - 1 }))
    chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}
