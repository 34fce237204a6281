import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { HpbError } from '../core/errors.ts';
import type { ByteRange, Clock, ObjectFacts, ObjectStore, WriteCondition } from '../core/ports.ts';
import { fileError, outputError } from './file-error.ts';
import { copyObject } from './s3-copy.ts';
import { s3Error, type S3Request } from './s3-errors.ts';
import { objectExists, objectNotFound, requireRange } from './store-errors.ts';
import { requireFile, WatchedSource } from './store-sources.ts';

/** Larger bodies go up in parts of this size, four at once: 64 MiB of memory, 160 GB at most. */
const PART_BYTES = 16 * 2 ** 20;
/** As many as one request lists or removes. */
const PAGE = 1000;
const MAX_PARTS = 10_000;
const CONFLICT_TRIES = 5;

/** Where an `S3ObjectStore` lies. */
export interface S3StoreOptions {
  readonly client: S3Client;
  readonly bucket: string;
  readonly clock: Clock;
}

/**
 * Objects in a bucket of S3, encrypted as the bucket says. The time of a write is that of this machine's clock until
 * the object is looked at again. Throws `STORE_UNAVAILABLE` (after the retries of the client) and `STORE_REFUSED`.
 */
export class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #clock: Clock;

  constructor({ client, bucket, clock }: S3StoreOptions) {
    this.#client = client;
    this.#bucket = bucket;
    this.#clock = clock;
  }

  async put(key: string, body: string | Uint8Array, condition?: WriteCondition): Promise<ObjectFacts> {
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    const command = { ...this.#at(key), Body: bytes, ...conditions(condition) };
    for (let tries = 1; ; tries += 1) {
      try {
        const { ETag } = await this.#ask({ key, condition }, () =>
          this.#client.send(new PutObjectCommand(command)),
        );
        return this.#written(key, bytes.byteLength, ETag);
      } catch (error) {
        // Two were first at once, and S3 asks this one to look again.
        if (condition?.ifAbsent !== true || !isChanged(error) || tries === CONFLICT_TRIES) throw error;
        if ((await this.head(key)) !== null) throw objectExists(key, error);
      }
    }
  }

  async putFile(key: string, path: string, condition?: WriteCondition): Promise<ObjectFacts> {
    const bytes = requireFile(path);
    const etag = await this.#upload(key, { body: createReadStream(path), bytes, condition });
    return this.#written(key, bytes, etag);
  }

  async putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    condition?: WriteCondition,
  ): Promise<ObjectFacts> {
    const source = new WatchedSource(chunks);
    try {
      const body = Readable.from(source, { objectMode: false });
      const etag = await this.#upload(key, { body, condition });
      return this.#written(key, source.bytes, etag);
    } catch (error) {
      throw source.failure === null ? error : source.failure.error;
    }
  }

  async get(key: string): Promise<Uint8Array> {
    return (await this.read(key)).body;
  }

  async read(key: string): Promise<{ readonly body: Uint8Array; readonly facts: ObjectFacts }> {
    return this.#ask({ key }, async () => {
      const found = await this.#client.send(new GetObjectCommand(this.#at(key)));
      return { body: await found.Body!.transformToByteArray(), facts: this.#facts(key, found) };
    });
  }

  async stream(key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    if (range !== undefined) requireRange(range, Infinity);
    return this.#chunks({ key, range }, await this.#open({ key, range }));
  }

  async getFile(key: string, path: string): Promise<void> {
    const partial = `${path}.${randomUUID()}.partial`;
    const body = await this.#open({ key });
    try {
      await mkdir(dirname(path), { recursive: true });
      await pipeline(this.#chunks({ key }, body), createWriteStream(partial, { flags: 'wx' }));
      await rename(partial, path);
    } catch (error) {
      body.destroy();
      await rm(partial, { force: true }).catch(() => undefined);
      throw outputError(error);
    }
  }

  async copy(from: string, to: string): Promise<ObjectFacts> {
    const source = await this.head(from);
    if (source === null) throw objectNotFound(from);
    const tag = await this.#ask({ key: from }, () =>
      copyObject(this.#client, { bucket: this.#bucket, source, to }),
    );
    return this.#written(to, source.bytes, tag);
  }

  async head(key: string): Promise<ObjectFacts | null> {
    try {
      return await this.#ask({ key }, async () =>
        this.#facts(key, await this.#client.send(new HeadObjectCommand(this.#at(key)))),
      );
    } catch (error) {
      if (error instanceof HpbError && error.code === 'OBJECT_NOT_FOUND') return null;
      throw error;
    }
  }

  async list(
    prefix: string,
    page: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<readonly ObjectFacts[]> {
    const limit = page.limit ?? Infinity;
    const found: ObjectFacts[] = [];
    let after = page.after;
    while (found.length < limit) {
      const request = {
        Bucket: this.#bucket,
        Prefix: prefix,
        MaxKeys: Math.min(PAGE, limit - found.length),
        StartAfter: after,
      };
      const answer = await this.#ask({ key: prefix }, () =>
        this.#client.send(new ListObjectsV2Command(request)),
      );
      for (const { Key, Size, ETag, LastModified } of answer.Contents ?? [])
        found.push(this.#facts(Key!, { ContentLength: Size, ETag, LastModified }));
      if (answer.IsTruncated !== true) break;
      after = found.at(-1)?.key;
    }
    return found;
  }

  async remove(key: string): Promise<void> {
    await this.#ask({ key }, () => this.#client.send(new DeleteObjectCommand(this.#at(key))));
  }

  async removeAll(prefix: string): Promise<{ readonly objects: number; readonly bytes: number }> {
    let objects = 0;
    let bytes = 0;
    for (;;) {
      const page = await this.list(prefix, { limit: PAGE });
      if (page.length === 0) return { objects, bytes };
      await this.#removeMany(page);
      objects += page.length;
      bytes += page.reduce((sum, one) => sum + one.bytes, 0);
    }
  }

  async #removeMany(page: readonly ObjectFacts[]): Promise<void> {
    const request = { Objects: page.map(({ key }) => ({ Key: key })), Quiet: true };
    const { Errors = [] } = await this.#ask({ key: page[0]!.key }, () =>
      this.#client.send(new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: request })),
    );
    const [first] = Errors;
    if (first === undefined) return;
    const error = Object.assign(new Error(first.Message), { name: first.Code ?? 'InternalError' });
    throw s3Error(error, { key: first.Key ?? '' });
  }

  async #upload(
    key: string,
    source: {
      readonly body: Readable;
      readonly bytes?: number;
      readonly condition: WriteCondition | undefined;
    },
  ): Promise<string | undefined> {
    const { body, bytes, condition } = source;
    const upload = new Upload({
      client: this.#client,
      params: { ...this.#at(key), Body: body, ContentLength: bytes, ...conditions(condition) },
      partSize: Math.max(PART_BYTES, Math.ceil((bytes ?? 0) / MAX_PARTS)),
    });
    try {
      return await this.#ask({ key, condition }, async () => (await upload.done()).ETag);
    } catch (error) {
      throw fileError(error);
    } finally {
      body.destroy();
    }
  }

  async #open({ key, range }: S3Request): Promise<Readable> {
    const bytes = range === undefined ? undefined : `bytes=${range.start}-${range.end ?? ''}`;
    const found = await this.#ask({ key, range }, () =>
      this.#client.send(new GetObjectCommand({ ...this.#at(key), Range: bytes })),
    );
    return found.Body as Readable;
  }

  async *#chunks(request: S3Request, body: Readable): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      throw s3Error(error, request);
    }
  }

  async #ask<T>(request: S3Request, work: () => Promise<T>): Promise<T> {
    return work().catch((error: unknown) => {
      throw s3Error(error, request);
    });
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: key };
  }

  #facts(key: string, { ContentLength, ETag, LastModified }: Described): ObjectFacts {
    const modifiedAt = LastModified?.getTime() ?? this.#clock.now();
    return { key, bytes: ContentLength ?? 0, tag: ETag ?? '', modifiedAt };
  }

  #written(key: string, bytes: number, etag: string | undefined): ObjectFacts {
    return this.#facts(key, { ContentLength: bytes, ETag: etag });
  }
}

type Described = {
  readonly ContentLength?: number | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
};

function conditions(condition: WriteCondition | undefined): { IfNoneMatch?: '*'; IfMatch?: string } {
  return {
    ...(condition?.ifAbsent === true && { IfNoneMatch: '*' as const }),
    ...(condition?.ifTag !== undefined && { IfMatch: condition.ifTag }),
  };
}

const isChanged = (error: unknown): boolean => error instanceof HpbError && error.code === 'OBJECT_CHANGED';
