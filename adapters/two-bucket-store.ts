import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { HpbError } from '../core/errors.ts';
import { INGEST_PREFIX, INGEST_REJECTED_PREFIX } from '../core/layout.ts';
import type { ByteRange, Clock, FileWrite, ObjectFacts, ObjectStore, WriteCondition } from '../core/ports.ts';
import { copyObject } from './s3-copy.ts';
import { s3Error } from './s3-errors.ts';
import { S3ObjectStore } from './s3-object-store.ts';
import { objectNotFound } from './store-errors.ts';

/** The two buckets of a deployment that ingestion works on. */
export interface TwoBuckets {
  readonly client: S3Client;
  readonly jobs: string;
  /** Of `ingest/` and `ingest-rejected/`. */
  readonly ingest: string;
  readonly clock: Clock;
}

/**
 * One store over both buckets, told apart by the key. `head` of a dropped object gives the id of its version as tag, as
 * the events of S3 name it: the same bytes dropped again are another drop.
 */
export class TwoBucketStore implements ObjectStore {
  readonly #buckets: TwoBuckets;
  readonly #jobs: S3ObjectStore;
  readonly #ingest: S3ObjectStore;

  constructor(buckets: TwoBuckets) {
    const { client, jobs, ingest, clock } = buckets;
    this.#buckets = buckets;
    this.#jobs = new S3ObjectStore({ client, bucket: jobs, clock });
    this.#ingest = new S3ObjectStore({ client, bucket: ingest, clock });
  }

  put(key: string, body: string | Uint8Array, condition?: WriteCondition): Promise<ObjectFacts> {
    return this.#of(key).put(key, body, condition);
  }

  putFile(key: string, path: string, how?: FileWrite): Promise<ObjectFacts> {
    return this.#of(key).putFile(key, path, how);
  }

  putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    condition?: WriteCondition,
  ): Promise<ObjectFacts> {
    return this.#of(key).putStream(key, chunks, condition);
  }

  get(key: string): Promise<Uint8Array> {
    return this.#of(key).get(key);
  }

  read(key: string): Promise<{ readonly body: Uint8Array; readonly facts: ObjectFacts }> {
    return this.#of(key).read(key);
  }

  stream(key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    return this.#of(key).stream(key, range);
  }

  getFile(key: string, path: string): Promise<void> {
    return this.#of(key).getFile(key, path);
  }

  async copy(from: string, to: string): Promise<ObjectFacts> {
    if (this.#of(from) === this.#of(to)) return this.#of(from).copy(from, to);
    const source = await this.#of(from).head(from);
    if (source === null) throw objectNotFound(from);
    const copy = { bucket: this.#bucketOf(to), from: this.#bucketOf(from), source, to };
    const tag = await copyObject(this.#buckets.client, copy).catch((thrown: unknown) => {
      throw s3Error(thrown, { key: from });
    });
    return { key: to, bytes: source.bytes, tag: tag ?? '', modifiedAt: this.#buckets.clock.now() };
  }

  async head(key: string): Promise<ObjectFacts | null> {
    if (this.#of(key) === this.#jobs) return this.#jobs.head(key);
    const { client, ingest } = this.#buckets;
    try {
      const found = await client.send(new HeadObjectCommand({ Bucket: ingest, Key: key }));
      const { ContentLength = 0, ETag = '', VersionId = ETag, LastModified } = found;
      return { key, bytes: ContentLength, tag: VersionId, modifiedAt: LastModified?.getTime() ?? 0 };
    } catch (thrown) {
      const error = s3Error(thrown, { key });
      if (error instanceof HpbError && error.code === 'OBJECT_NOT_FOUND') return null;
      throw error;
    }
  }

  list(
    prefix: string,
    page?: { readonly after?: string; readonly limit?: number },
  ): Promise<readonly ObjectFacts[]> {
    return this.#of(prefix).list(prefix, page);
  }

  remove(key: string): Promise<void> {
    return this.#of(key).remove(key);
  }

  removeAll(prefix: string): Promise<{ readonly objects: number; readonly bytes: number }> {
    return this.#of(prefix).removeAll(prefix);
  }

  #of(key: string): S3ObjectStore {
    return isDropped(key) ? this.#ingest : this.#jobs;
  }

  #bucketOf(key: string): string {
    return isDropped(key) ? this.#buckets.ingest : this.#buckets.jobs;
  }
}

const isDropped = (key: string): boolean =>
  key.startsWith(INGEST_PREFIX) || key.startsWith(INGEST_REJECTED_PREFIX);
