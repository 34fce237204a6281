import { HpbError } from '../core/errors.ts';
import type { Bundler, ObjectStore } from '../core/ports.ts';
import { collectGarbage } from './collect-garbage.ts';
import { Measured, zipOrder, zipStream, type WrittenFile, type ZipSource } from './zip-archive.ts';

type BundleMember = Parameters<Bundler['bundle']>[1][number];
type StoredSource = Extract<BundleMember['source'], { readonly key: string }>;

/** Up to this size an object is read before its turn, as a whole. */
const SMALL_BYTES = 2 ** 20;
/** Reading a small object is waiting for the store: with S3 one after the other would be most of the time. */
const READ_AHEAD = 16;
/** After so many small members their streams, five each, are collected: V8 would let them pile up to half the heap. */
const TIDY_AFTER = 1000;

/** Makes a ZIP out of objects of a store as a stream into the same store. */
export class StoreBundler implements Bundler {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /**
   * Holds at most 16 MiB of small objects, and a few chunks of a large one.
   *
   * @throws HpbError OBJECT_NOT_FOUND when a source is not there, OBJECT_CHANGED when it is not of the size that is
   * said, UNEXPECTED for a name that comes twice, and what the store throws; then nothing is stored
   */
  async bundle(key: string, members: readonly BundleMember[]): Promise<WrittenFile> {
    const measured = new Measured();
    const zip = zipStream(sourcesOf(this.#store, zipOrder(members)));
    try {
      await this.#store.putStream(key, measured.through(zip as AsyncIterable<Buffer>));
    } finally {
      zip.destroy();
    }
    return measured.written();
  }
}

function sourcesOf(store: ObjectStore, members: readonly BundleMember[]): readonly ZipSource[] {
  const ahead = new ReadAhead(store);
  return members.map(({ name, source }) => {
    if ('text' in source) return textSource(name, source.text);
    const { bytes } = source;
    if (bytes > SMALL_BYTES) return { name, bytes, open: () => largeObject(store, source) };
    const turn = ahead.add(source);
    return { name, bytes, open: () => ahead.take(turn) };
  });
}

function textSource(name: string, text: string): ZipSource {
  const bytes = Buffer.from(text);
  return {
    name,
    bytes: bytes.length,
    open: async function* () {
      yield bytes;
    },
  };
}

/** Small objects, taken in the order in which they were added; those that come next are on their way by then. */
class ReadAhead {
  readonly #store: Pick<ObjectStore, 'get'>;
  readonly #sources: StoredSource[] = [];
  readonly #bodies = new Map<number, Promise<Uint8Array>>();
  #asked = 0;

  constructor(store: Pick<ObjectStore, 'get'>) {
    this.#store = store;
  }

  /** Returns its turn. */
  add(source: StoredSource): number {
    return this.#sources.push(source) - 1;
  }

  async *take(turn: number): AsyncGenerator<Uint8Array> {
    if (turn % TIDY_AFTER === TIDY_AFTER - 1) collectGarbage();
    const end = Math.min(turn + READ_AHEAD, this.#sources.length);
    for (; this.#asked < end; this.#asked += 1) {
      const body = this.#store.get(this.#sources[this.#asked]!.key);
      // It is heard of when its turn comes.
      body.catch(() => undefined);
      this.#bodies.set(this.#asked, body);
    }
    const body = await this.#bodies.get(turn)!;
    this.#bodies.delete(turn);
    requireSize(body.length, this.#sources[turn]!);
    yield body;
  }
}

async function* largeObject(
  store: Pick<ObjectStore, 'stream'>,
  source: StoredSource,
): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of await store.stream(source.key)) {
    seen += chunk.length;
    yield chunk;
  }
  requireSize(seen, source);
}

function requireSize(seen: number, { bytes }: StoredSource): void {
  if (seen === bytes) return;
  throw new HpbError(
    'OBJECT_CHANGED',
    `An object changed before it was packed: ${seen} bytes instead of ${bytes}.`,
    {
      remedy: 'Publish the job again.',
      details: { seen, bytes },
    },
  );
}
