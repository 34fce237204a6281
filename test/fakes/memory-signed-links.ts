import { HpbError } from '../../core/errors.ts';
import type { ObjectFacts, SignedLinks, SignedRequest, UploadedPart } from '../../core/ports.ts';
import type { MemoryObjectStore } from './memory-object-store.ts';

interface Multipart {
  readonly key: string;
  readonly parts: Map<number, UploadedPart & { readonly body: Uint8Array }>;
}

/** Signed links whose requests a test fulfils by `send`, `sendPart` or `store.put`. */
export class MemorySignedLinks implements SignedLinks {
  readonly multiparts = new Map<string, Multipart>();
  readonly #store: MemoryObjectStore;
  #ids = 0;

  constructor(store: MemoryObjectStore) {
    this.#store = store;
  }

  async signPut(
    key: string,
    options: { readonly bytes: number; readonly contentType: string; readonly expiresSeconds: number },
  ): Promise<SignedRequest> {
    const headers = { 'content-type': options.contentType, 'content-length': String(options.bytes) };
    return this.#signed('PUT', key, options.expiresSeconds, headers);
  }

  async signGet(key: string, options: { readonly expiresSeconds: number }): Promise<SignedRequest> {
    return this.#signed('GET', key, options.expiresSeconds, {});
  }

  async startMultipart(key: string): Promise<string> {
    const id = `m${++this.#ids}`;
    this.multiparts.set(id, { key, parts: new Map() });
    return id;
  }

  async signPart(
    key: string,
    multipartId: string,
    options: { readonly part: number; readonly bytes: number; readonly expiresSeconds: number },
  ): Promise<SignedRequest> {
    this.#multipart(key, multipartId);
    const path = `${key}?part=${options.part}&upload=${multipartId}`;
    return this.#signed('PUT', path, options.expiresSeconds, { 'content-length': String(options.bytes) });
  }

  async listParts(key: string, multipartId: string): Promise<readonly UploadedPart[]> {
    const parts = [...this.#multipart(key, multipartId).parts.values()];
    return parts.sort((a, b) => a.part - b.part).map(({ part, bytes, tag }) => ({ part, bytes, tag }));
  }

  async completeMultipart(
    key: string,
    multipartId: string,
    parts: readonly UploadedPart[],
  ): Promise<ObjectFacts> {
    const there = this.#multipart(key, multipartId).parts;
    const body = Buffer.concat(parts.map(({ part }) => there.get(part)!.body));
    const facts = await this.#store.put(key, body, { ifAbsent: true });
    this.multiparts.delete(multipartId);
    return facts;
  }

  async abortMultipart(_key: string, multipartId: string): Promise<void> {
    this.multiparts.delete(multipartId);
  }

  /** Makes a signed PUT of one piece. */
  async send(request: SignedRequest | { readonly url: string }, body: Uint8Array): Promise<void> {
    await this.#store.put(request.url.replace('memory://', ''), body, { ifAbsent: true });
  }

  /** Makes a signed PUT of a part. */
  sendPart(request: { readonly url: string }, body: Uint8Array): void {
    const { searchParams } = new URL(request.url);
    const part = Number(searchParams.get('part'));
    const upload = this.multiparts.get(searchParams.get('upload')!);
    upload!.parts.set(part, { part, bytes: body.length, tag: `p${part}`, body });
  }

  #multipart(key: string, multipartId: string): Multipart {
    const found = this.multiparts.get(multipartId);
    if (found?.key === key) return found;
    throw new HpbError('UPLOAD_NOT_FOUND', 'There is no such upload in parts.', { remedy: 'Open another.' });
  }

  #signed(
    method: 'GET' | 'PUT',
    path: string,
    expiresSeconds: number,
    headers: Readonly<Record<string, string>>,
  ): SignedRequest {
    const expiresAt = this.#store.now() + expiresSeconds * 1000;
    return { method, url: `memory://${path}`, headers, expiresAt };
  }
}
