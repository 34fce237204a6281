import { inflateRawSync } from 'node:zlib';
import { HpbError } from '../core/errors.ts';
import type { Bundler, ObjectStore } from '../core/ports.ts';
import { collectGarbage } from './collect-garbage.ts';
import { packedMembers } from './packed-members.ts';
import { fitsSmallZip, smallZip } from './small-zip.ts';
import { Measured, zipStream, type WrittenFile } from './zip-archive.ts';
import { zipOrder, type PackedMember, type ZipSource } from './zip-members.ts';

type BundleMember = Parameters<Bundler['bundle']>[1][number];
type StoredSource = { readonly key: string; readonly bytes: number };

/** Up to this size an object is read before its turn, as a whole. */
const SMALL_BYTES = 2 ** 20;
/** Reading a small object is waiting for the store: with S3 one after the other would be most of the time. */
const READ_AHEAD = 16;
/** More than a case has. */
const MEMBERS_OF_ZIP = 50;
/** Of the name of a case's folder and of what lies in it. */
const LONG_NAME = 'x'.repeat(200);
/** After so many members of a large ZIP their streams, five each, are collected: V8 lets them pile up to half the heap. */
const TIDY_AFTER = 1000;

/** Makes a ZIP out of objects of a store as a stream into the same store. */
export class StoreBundler implements Bundler {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /**
   * Holds at most 16 MiB of small objects, or 16 ZIPs, and a few chunks of a large object.
   *
   * @throws HpbError OBJECT_NOT_FOUND when a source is not there, OBJECT_CHANGED when it is not of the size that is
   * said, UNEXPECTED for a name that comes twice, and what the store throws; then nothing is stored
   */
  async bundle(key: string, members: readonly BundleMember[]): Promise<WrittenFile> {
    const measured = new Measured();
    const sources = sourcesOf(this.#store, zipOrder(members));
    const zip = fitsSmallZip(members.flatMap(sizesOf)) ? smallZip(sources) : largeZip(sources);
    try {
      await this.#store.putStream(key, measured.through(zip));
    } finally {
      await zip.return(undefined);
    }
    return measured.written();
  }
}

/** What a source brings into the archive, at most. */
function sizesOf({
  name,
  source,
}: BundleMember): readonly { readonly name: string; readonly bytes: number }[] {
  if ('text' in source) return [{ name, bytes: Buffer.byteLength(source.text) }];
  if ('key' in source) return [{ name, bytes: source.bytes }];
  const members = Array.from({ length: MEMBERS_OF_ZIP }, () => ({ name: LONG_NAME, bytes: 0 }));
  return [{ name, bytes: source.bytes }, ...members];
}

async function* largeZip(sources: AsyncIterable<ZipSource | PackedMember>): AsyncGenerator<Uint8Array> {
  const zip = zipStream(unpackedSources(sources));
  try {
    yield* zip as AsyncIterable<Uint8Array>;
  } finally {
    zip.destroy();
  }
}

async function* unpackedSources(sources: AsyncIterable<ZipSource | PackedMember>): AsyncGenerator<ZipSource> {
  let members = 0;
  for await (const source of sources) {
    if (++members % TIDY_AFTER === 0) collectGarbage();
    if (!('packed' in source)) yield source;
    else yield wholeSource(source.name, source.method === 0 ? source.packed : inflateRawSync(source.packed));
  }
}

async function* sourcesOf(
  store: ObjectStore,
  members: readonly BundleMember[],
): AsyncGenerator<ZipSource | PackedMember> {
  const ahead = new ReadAhead(
    store,
    members.flatMap(({ source }) => readWhole(source) ?? []),
  );
  for (const { name, source } of members) {
    if ('text' in source) yield textSource(name, source.text);
    else if ('zip' in source) yield* await placed(name, await ahead.next());
    else if (readWhole(source) === null)
      yield { name, bytes: source.bytes, open: () => largeObject(store, source) };
    else yield wholeSource(name, await ahead.next());
  }
}

/** What is read before its turn. */
function readWhole(source: BundleMember['source']): StoredSource | null {
  if ('text' in source) return null;
  if ('zip' in source) return { key: source.zip, bytes: source.bytes };
  return source.bytes <= SMALL_BYTES ? source : null;
}

async function placed(folder: string, zip: Uint8Array): Promise<readonly PackedMember[]> {
  const members = await packedMembers(zip);
  if (members === null)
    throw new HpbError('OBJECT_CHANGED', 'The packed results of a case are not as the worker wrote them.', {
      remedy: 'Run the case again in a new job.',
      details: { bytes: zip.length },
    });
  return members.map((member) => ({ ...member, name: `${folder}/${member.name}` }));
}

const textSource = (name: string, text: string): ZipSource => wholeSource(name, Buffer.from(text));

function wholeSource(name: string, content: Uint8Array): ZipSource {
  return {
    name,
    bytes: content.length,
    open: async function* () {
      yield content;
    },
  };
}

/** Objects in order; those that come next are on their way by then. */
class ReadAhead {
  readonly #store: Pick<ObjectStore, 'get'>;
  readonly #sources: readonly StoredSource[];
  readonly #bodies: Promise<Uint8Array>[] = [];
  #asked = 0;

  constructor(store: Pick<ObjectStore, 'get'>, sources: readonly StoredSource[]) {
    this.#store = store;
    this.#sources = sources;
  }

  async next(): Promise<Uint8Array> {
    while (this.#bodies.length < READ_AHEAD && this.#asked < this.#sources.length) {
      const body = this.#body(this.#sources[this.#asked++]!);
      // It is heard of when its turn comes.
      body.catch(() => undefined);
      this.#bodies.push(body);
    }
    return this.#bodies.shift()!;
  }

  async #body(source: StoredSource): Promise<Uint8Array> {
    const body = await this.#store.get(source.key);
    requireSize(body.length, source);
    return body;
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
