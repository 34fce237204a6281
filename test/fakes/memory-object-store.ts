import { readFile, writeFile } from 'node:fs/promises';
import { HpbError } from '../../core/errors.ts';
import type { ByteRange, ObjectFacts, ObjectStore, WriteCondition } from '../../core/ports.ts';

interface Stored {
  readonly body: Uint8Array;
  readonly facts: ObjectFacts;
}

/** An object store in memory. `beforeWrite` may throw to play a store that fails, or a process that dies. */
export class MemoryObjectStore implements ObjectStore {
  readonly objects = new Map<string, Stored>();
  /** Called before every write and removal with its key. */
  beforeWrite: (key: string) => void = () => undefined;
  /** Time of writes, ms since 1970. */
  now: () => number = () => 1_700_000_000_000;
  #writes = 0;

  async put(key: string, body: string | Uint8Array, condition: WriteCondition = {}): Promise<ObjectFacts> {
    this.beforeWrite(key);
    const there = this.objects.get(key);
    if (condition.ifAbsent === true && there !== undefined) throw storeError('OBJECT_EXISTS', key);
    if (condition.ifTag !== undefined && there?.facts.tag !== condition.ifTag) {
      throw storeError('OBJECT_CHANGED', key);
    }
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : Uint8Array.from(body);
    const facts = { key, bytes: bytes.length, tag: `t${++this.#writes}`, modifiedAt: this.now() };
    this.objects.set(key, { body: bytes, facts });
    return facts;
  }

  async putFile(key: string, path: string, condition?: WriteCondition): Promise<ObjectFacts> {
    return this.put(key, await readFile(path), condition);
  }

  async putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    condition?: WriteCondition,
  ): Promise<ObjectFacts> {
    return this.put(key, Buffer.concat(await Array.fromAsync(chunks)), condition);
  }

  async get(key: string): Promise<Uint8Array> {
    return (await this.read(key)).body;
  }

  async read(key: string): Promise<Stored> {
    const there = this.objects.get(key);
    if (there === undefined) throw storeError('OBJECT_NOT_FOUND', key);
    return there;
  }

  async stream(key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    const { body } = await this.read(key);
    const { start, end } = range ?? { start: 0 };
    if (range !== undefined && start >= body.length) throw storeError('RANGE_NOT_SATISFIABLE', key);
    const part = body.slice(start, end === undefined ? undefined : end + 1);
    return (async function* () {
      yield part;
    })();
  }

  async getFile(key: string, path: string): Promise<void> {
    await writeFile(path, await this.get(key));
  }

  async copy(from: string, to: string): Promise<ObjectFacts> {
    return this.put(to, await this.get(from));
  }

  async head(key: string): Promise<ObjectFacts | null> {
    return this.objects.get(key)?.facts ?? null;
  }

  async list(
    prefix: string,
    { after = '', limit = Infinity }: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<readonly ObjectFacts[]> {
    return [...this.objects.values()]
      .map(({ facts }) => facts)
      .filter(({ key }) => key.startsWith(prefix) && key > after)
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .slice(0, limit);
  }

  async remove(key: string): Promise<void> {
    this.beforeWrite(key);
    this.objects.delete(key);
  }

  async removeAll(prefix: string): Promise<{ readonly objects: number; readonly bytes: number }> {
    this.beforeWrite(prefix);
    const found = await this.list(prefix);
    for (const { key } of found) this.objects.delete(key);
    return { objects: found.length, bytes: found.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** Keys below a prefix, in order. */
  keys(prefix = ''): readonly string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  /** A JSON document as it stands. */
  json(key: string): unknown {
    return JSON.parse(new TextDecoder().decode(this.objects.get(key)?.body));
  }
}

function storeError(
  code: 'OBJECT_EXISTS' | 'OBJECT_CHANGED' | 'OBJECT_NOT_FOUND' | 'RANGE_NOT_SATISFIABLE',
  key: string,
): HpbError {
  return new HpbError(code, `The object ${key} is not as the request needs it.`, { remedy: 'Look again.' });
}
