import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { HpbError } from '../core/errors.ts';
import type { Clock, ObjectFacts, SignedLinks, SignedRequest, UploadedPart } from '../core/ports.ts';
import { attachment } from './content-disposition.ts';
import { s3Error, type S3Request } from './s3-errors.ts';
import type { S3ObjectStore } from './s3-object-store.ts';
import { multipartNotFound } from './store-errors.ts';

/** Where the links lead. */
export interface S3LinkOptions {
  /** Made by `signingClient`. */
  readonly client: S3Client;
  readonly bucket: string;
  /** The store over the same bucket. */
  readonly store: S3ObjectStore;
  readonly clock: Clock;
}

/**
 * A client that signs requests for others to make. By default the SDK would sign the checksum of the empty body that
 * it has at hand, and every real body would be refused.
 */
export function signingClient(config: S3ClientConfig): S3Client {
  return new S3Client({ ...config, requestChecksumCalculation: 'WHEN_REQUIRED' });
}

/** Presigned requests on S3. They end with the credentials of this process, if that is earlier than they say. */
export class S3SignedLinks implements SignedLinks {
  readonly #options: S3LinkOptions;

  constructor(options: S3LinkOptions) {
    this.#options = options;
  }

  async signPut(
    key: string,
    options: { readonly bytes: number; readonly contentType: string; readonly expiresSeconds: number },
  ): Promise<SignedRequest> {
    const { bytes, contentType, expiresSeconds } = options;
    const command = new PutObjectCommand({
      ...this.#at(key),
      ContentType: contentType,
      ContentLength: bytes,
      IfNoneMatch: '*',
    });
    return this.#sign('PUT', command, expiresSeconds, {
      'content-type': contentType,
      'content-length': String(bytes),
      'if-none-match': '*',
    });
  }

  async signGet(
    key: string,
    options: {
      readonly expiresSeconds: number;
      readonly downloadName?: string;
      readonly contentType?: string;
    },
  ): Promise<SignedRequest> {
    const { downloadName, contentType, expiresSeconds } = options;
    const command = new GetObjectCommand({
      ...this.#at(key),
      ResponseContentDisposition: downloadName === undefined ? undefined : attachment(downloadName),
      ResponseContentType: contentType,
    });
    return this.#sign('GET', command, expiresSeconds, {});
  }

  async startMultipart(key: string, { contentType }: { readonly contentType: string }): Promise<string> {
    const request = { ...this.#at(key), ContentType: contentType };
    const { UploadId } = await this.#ask({ key }, () =>
      this.#options.client.send(new CreateMultipartUploadCommand(request)),
    );
    return UploadId!;
  }

  async signPart(
    key: string,
    multipartId: string,
    options: { readonly part: number; readonly bytes: number; readonly expiresSeconds: number },
  ): Promise<SignedRequest> {
    const { part, bytes, expiresSeconds } = options;
    const command = new UploadPartCommand({
      ...this.#at(key),
      UploadId: multipartId,
      PartNumber: part,
      ContentLength: bytes,
    });
    return this.#sign('PUT', command, expiresSeconds, { 'content-length': String(bytes) });
  }

  async listParts(key: string, multipartId: string): Promise<readonly UploadedPart[]> {
    const parts: UploadedPart[] = [];
    let marker: string | undefined;
    do {
      const request = { ...this.#at(key), UploadId: multipartId, PartNumberMarker: marker };
      const answer = await this.#ask({ key }, () => this.#options.client.send(new ListPartsCommand(request)));
      for (const { PartNumber, Size, ETag } of answer.Parts ?? [])
        parts.push({ part: PartNumber!, bytes: Size ?? 0, tag: ETag ?? '' });
      marker = answer.IsTruncated === true ? answer.NextPartNumberMarker : undefined;
    } while (marker !== undefined);
    return parts;
  }

  async completeMultipart(
    key: string,
    multipartId: string,
    parts: readonly UploadedPart[],
  ): Promise<ObjectFacts> {
    const request = {
      ...this.#at(key),
      UploadId: multipartId,
      MultipartUpload: { Parts: parts.map(({ part, tag }) => ({ PartNumber: part, ETag: tag })) },
      IfNoneMatch: '*',
    };
    await this.#ask({ key, condition: { ifAbsent: true } }, () =>
      this.#options.client.send(new CompleteMultipartUploadCommand(request)),
    );
    const facts = await this.#options.store.head(key);
    // Removed in this moment.
    if (facts === null) throw multipartNotFound();
    return facts;
  }

  async abortMultipart(key: string, multipartId: string): Promise<void> {
    const request = { ...this.#at(key), UploadId: multipartId };
    try {
      await this.#ask({ key }, () => this.#options.client.send(new AbortMultipartUploadCommand(request)));
    } catch (error) {
      if (!(error instanceof HpbError && error.code === 'UPLOAD_NOT_FOUND')) throw error;
    }
  }

  async #sign(
    method: 'GET' | 'PUT',
    command: PutObjectCommand | GetObjectCommand | UploadPartCommand,
    expiresSeconds: number,
    headers: Readonly<Record<string, string>>,
  ): Promise<SignedRequest> {
    const { client, clock } = this.#options;
    const now = clock.now();
    const url = await getSignedUrl(client, command as GetObjectCommand, {
      expiresIn: expiresSeconds,
      signingDate: new Date(now),
      signableHeaders: new Set(['host', ...Object.keys(headers)]),
      // What is sent as a header must be signed as one.
      unhoistableHeaders: new Set(Object.keys(headers)),
    });
    return { method, url, headers, expiresAt: now + expiresSeconds * 1000 };
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#options.bucket, Key: key };
  }

  async #ask<T>(request: S3Request, work: () => Promise<T>): Promise<T> {
    return work().catch((error: unknown) => {
      throw s3Error(error, request);
    });
  }
}
