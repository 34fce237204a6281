import type {
  Clock,
  ObjectFacts,
  ObjectStore,
  SignedLinks,
  SignedRequest,
  UploadedPart,
} from '../core/ports.ts';
import type { FileMultipart } from './file-multipart.ts';
import { signedPath, type LinkClaims } from './link-claims.ts';

/** What links of the laptop are made with, and checked by `FileLinkServer`. */
export interface FileLinkOptions {
  /** The store that the links lead to, and its uploads in parts. */
  readonly store: ObjectStore;
  readonly multipart: FileMultipart;
  /** Key of the signatures; links outlive a restart when it does. */
  readonly secret: string;
  readonly clock: Clock;
}

const NO_CLAIMS = { contentType: null, bytes: null, multipartId: null, part: null, downloadName: null };

/** Signed links on the server of the laptop, which `FileLinkServer` answers there. */
export class FileSignedLinks implements SignedLinks {
  readonly #options: FileLinkOptions;
  readonly #baseUrl: () => string;

  /** @param baseUrl What links begin with, without a slash at the end; asked for with every link. */
  constructor(options: FileLinkOptions, baseUrl: () => string) {
    this.#options = options;
    this.#baseUrl = baseUrl;
  }

  async signPut(
    key: string,
    options: { readonly bytes: number; readonly contentType: string; readonly expiresSeconds: number },
  ): Promise<SignedRequest> {
    const { bytes, contentType, expiresSeconds } = options;
    const headers = { 'content-type': contentType, 'content-length': String(bytes), 'if-none-match': '*' };
    return this.#sign({ method: 'PUT', key, contentType, bytes }, expiresSeconds, headers);
  }

  async signGet(
    key: string,
    options: {
      readonly expiresSeconds: number;
      readonly downloadName?: string;
      readonly contentType?: string;
    },
  ): Promise<SignedRequest> {
    const { expiresSeconds, downloadName = null, contentType = null } = options;
    return this.#sign({ method: 'GET', key, downloadName, contentType }, expiresSeconds, {});
  }

  async startMultipart(key: string): Promise<string> {
    return this.#options.multipart.start(key);
  }

  async signPart(
    key: string,
    multipartId: string,
    options: { readonly part: number; readonly bytes: number; readonly expiresSeconds: number },
  ): Promise<SignedRequest> {
    const { part, bytes, expiresSeconds } = options;
    const headers = { 'content-length': String(bytes) };
    return this.#sign({ method: 'PUT', key, multipartId, part, bytes }, expiresSeconds, headers);
  }

  async listParts(key: string, multipartId: string): Promise<readonly UploadedPart[]> {
    return this.#options.multipart.list(key, multipartId);
  }

  async completeMultipart(
    key: string,
    multipartId: string,
    parts: readonly UploadedPart[],
  ): Promise<ObjectFacts> {
    const { store, multipart } = this.#options;
    const joined = await multipart.joined(key, multipartId, parts);
    const facts = await store.putStream(key, joined, { ifAbsent: true });
    await multipart.remove(key, multipartId);
    return facts;
  }

  async lastPartAt(key: string, multipartId: string): Promise<number | null> {
    return this.#options.multipart.lastPartAt(key, multipartId);
  }

  async abortMultipart(key: string, multipartId: string): Promise<void> {
    await this.#options.multipart.remove(key, multipartId);
  }

  #sign(
    claims: Pick<LinkClaims, 'method' | 'key'> & Partial<LinkClaims>,
    expiresSeconds: number,
    headers: Readonly<Record<string, string>>,
  ): SignedRequest {
    const expiresAt = this.#options.clock.now() + expiresSeconds * 1000;
    const path = signedPath({ ...NO_CLAIMS, ...claims, expiresAt }, this.#options.secret);
    return { method: claims.method, url: `${this.#baseUrl()}${path}`, headers, expiresAt };
  }
}
