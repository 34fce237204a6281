import { HpbError } from '../core/errors.ts';
import type { Bundler, ObjectStore } from '../core/ports.ts';
import { Measured, zipOrder, zipStream, type WrittenFile, type ZipSource } from './zip-archive.ts';

type BundleMember = Parameters<Bundler['bundle']>[1][number];

/** Makes a ZIP out of objects of a store as a stream into the same store; bytes as `writeZip` would make them. */
export class StoreBundler implements Bundler {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /**
   * @throws HpbError OBJECT_NOT_FOUND when a source is not there, OBJECT_CHANGED when it is not of the size it had
   * when its turn came, UNEXPECTED for a name that comes twice, and what the store throws; then nothing is stored
   */
  async bundle(key: string, members: readonly BundleMember[]): Promise<WrittenFile> {
    const measured = new Measured();
    const zip = zipStream(this.#sources(zipOrder(members)));
    try {
      await this.#store.putStream(key, measured.through(zip as AsyncIterable<Buffer>));
    } finally {
      zip.destroy();
    }
    return measured.written();
  }

  async *#sources(members: readonly BundleMember[]): AsyncGenerator<ZipSource> {
    for (const { name, source } of members)
      yield 'text' in source ? textSource(name, source.text) : await this.#objectSource(name, source.key);
  }

  async #objectSource(name: string, key: string): Promise<ZipSource> {
    const facts = await this.#store.head(key);
    if (facts === null)
      throw new HpbError('OBJECT_NOT_FOUND', `The store has no object ${JSON.stringify(key)}.`, {
        remedy: 'It was removed while the result was packed. Start the job again.',
      });
    return { name, bytes: facts.bytes, open: () => wholeObject(this.#store, key, facts.bytes) };
  }
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

async function* wholeObject(store: ObjectStore, key: string, bytes: number): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of await store.stream(key)) {
    seen += chunk.length;
    yield chunk;
  }
  if (seen !== bytes)
    throw new HpbError(
      'OBJECT_CHANGED',
      `An object changed while it was packed: ${seen} bytes instead of ${bytes}.`,
      {
        remedy: 'Publish the job again.',
        details: { seen, bytes },
      },
    );
}
