import { HpbError } from '../errors.ts';
import { LAYOUT_VERSION, uploadDocumentKey, uploadInputKey } from '../layout.ts';
import { mapLimited } from '../map-limited.ts';
import type { SignedRequest, UploadedPart } from '../ports.ts';
import { MAX_SIGNED_PARTS, type OpenUploadRequest, type UploadAnswer } from '../requests.ts';
import type { ServicePorts } from './service-ports.ts';
import { documentText } from './stored-document.ts';
import { readUpload, type UploadDocument } from './upload-document.ts';

type UploadPorts = Pick<ServicePorts, 'store' | 'links' | 'ids' | 'clock' | 'limits' | 'log' | 'admission'>;

const MAX_PARTS = 10_000;
/** Caller's endings say little and the type is not read again: every upload is bytes. */
const CONTENT_TYPE = 'application/octet-stream';
const SIGNED_AT_ONCE = 16;

/**
 * Opens an upload: one signed PUT, or signed parts from `multipartFromBytes` on.
 *
 * @throws HpbError REQUEST_TOO_LARGE, and what `admission` throws (DISK_FULL).
 */
export async function openUpload(ports: UploadPorts, body: OpenUploadRequest): Promise<UploadAnswer> {
  const { limits, links, ids, clock, store } = ports;
  const { fileName, sizeBytes, sha256 = null } = body;
  refuseTooLarge(ports, sizeBytes);
  await ports.admission({ bytes: sizeBytes });
  const uploadId = ids.uploadId();
  const inParts = sizeBytes >= limits.multipartFromBytes;
  const multipart = inParts
    ? {
        id: await links.startMultipart(uploadInputKey(uploadId), { contentType: CONTENT_TYPE }),
        partBytes: partBytesOf(sizeBytes, limits.partBytes),
      }
    : null;
  const upload: UploadDocument = {
    layoutVersion: LAYOUT_VERSION,
    uploadId,
    fileName,
    sizeBytes,
    sha256,
    createdAt: clock.now(),
    multipart,
  };
  await store.put(uploadDocumentKey(uploadId), documentText(upload), { ifAbsent: true });
  ports.log.info('upload:opened', { uploadId, bytes: sizeBytes, inParts });
  return openAnswer(ports, upload, []);
}

/** Throws `REQUEST_TOO_LARGE` for an upload of more bytes than are taken. */
export function refuseTooLarge(
  { limits: { maxUploadBytes: limit } }: Pick<ServicePorts, 'limits'>,
  sizeBytes: number,
): void {
  if (sizeBytes <= limit) return;
  throw new HpbError(
    'REQUEST_TOO_LARGE',
    `An upload of ${sizeBytes} bytes is too large; at most ${limit} bytes are taken.`,
    { remedy: 'Split the archive into several.', details: { sizeBytes, limit } },
  );
}

/**
 * Where an upload stands, with what is missing signed anew.
 *
 * @throws HpbError UPLOAD_NOT_FOUND, also of one whose parts are gone; UPLOAD_SIZE_MISMATCH.
 */
export async function listUploadParts(ports: UploadPorts, uploadId: string): Promise<UploadAnswer> {
  const upload = await readUpload(ports.store, uploadId);
  if (await isStored(ports, upload)) return completeAnswer(upload);
  const arrived = await arrivedParts(ports, upload);
  return arrived === null ? answerWithoutParts(ports, upload) : openAnswer(ports, upload, arrived);
}

/**
 * Ends an upload: its size is checked, its parts are joined. Calling it again answers the same.
 *
 * @throws HpbError UPLOAD_INCOMPLETE while bytes are missing; UPLOAD_NOT_FOUND, also of one whose parts are gone;
 * UPLOAD_SIZE_MISMATCH.
 */
export async function completeUpload(ports: UploadPorts, uploadId: string): Promise<UploadAnswer> {
  const upload = await readUpload(ports.store, uploadId);
  if (await isStored(ports, upload)) return completeAnswer(upload);
  const { multipart } = upload;
  if (multipart === null) throw incomplete(upload, 0);
  const parts = await arrivedParts(ports, upload);
  if (parts === null) return answerWithoutParts(ports, upload);
  checkParts(upload, multipart.partBytes, parts);
  const key = uploadInputKey(upload.uploadId);
  try {
    await ports.links.completeMultipart(key, multipart.id, parts);
  } catch (error) {
    // Somebody else completed it between our look and now.
    if (!isCode(error, 'OBJECT_EXISTS') && !isCode(error, 'UPLOAD_NOT_FOUND')) throw error;
  }
  if (!(await isStored(ports, upload))) throw incomplete(upload, 0);
  ports.log.info('upload:complete', { uploadId: upload.uploadId, bytes: upload.sizeBytes });
  return completeAnswer(upload);
}

/**
 * The upload, when all its bytes are there.
 *
 * @throws HpbError UPLOAD_NOT_FOUND, UPLOAD_INCOMPLETE, UPLOAD_SIZE_MISMATCH.
 */
export async function completedUpload(
  ports: Pick<ServicePorts, 'store'>,
  uploadId: string,
): Promise<UploadDocument> {
  const upload = await readUpload(ports.store, uploadId);
  if (!(await isStored(ports, upload))) throw incomplete(upload, 0);
  return upload;
}

async function isStored(ports: Pick<ServicePorts, 'store'>, upload: UploadDocument): Promise<boolean> {
  const facts = await ports.store.head(uploadInputKey(upload.uploadId));
  if (facts === null) return false;
  if (facts.bytes === upload.sizeBytes) return true;
  throw mismatch(upload, facts.bytes);
}

/** Null for an upload whose parts are gone: joined in this moment by somebody else, or forgotten. */
async function arrivedParts(
  ports: UploadPorts,
  { uploadId, multipart }: UploadDocument,
): Promise<readonly UploadedPart[] | null> {
  if (multipart === null) return [];
  return ports.links.listParts(uploadInputKey(uploadId), multipart.id).catch((error: unknown) => {
    if (isCode(error, 'UPLOAD_NOT_FOUND')) return null;
    throw error;
  });
}

async function answerWithoutParts(ports: UploadPorts, upload: UploadDocument): Promise<UploadAnswer> {
  if (await isStored(ports, upload)) return completeAnswer(upload);
  throw new HpbError('UPLOAD_NOT_FOUND', `The parts of the upload ${upload.uploadId} are gone.`, {
    remedy: 'Open another upload with POST /uploads and send the file again.',
  });
}

function checkParts(upload: UploadDocument, partBytes: number, parts: readonly UploadedPart[]): void {
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const count = Math.ceil(upload.sizeBytes / partBytes);
  if (new Set(parts.map(({ part }) => part)).size < count) throw incomplete(upload, bytes);
  if (bytes !== upload.sizeBytes) throw mismatch(upload, bytes);
}

async function openAnswer(
  ports: UploadPorts,
  upload: UploadDocument,
  arrived: readonly UploadedPart[],
): Promise<UploadAnswer> {
  const { uploadId, sizeBytes, multipart } = upload;
  const { links, limits } = ports;
  const key = uploadInputKey(uploadId);
  const expiresSeconds = limits.uploadSeconds;
  if (multipart === null) {
    const put = await links.signPut(key, { bytes: sizeBytes, contentType: CONTENT_TYPE, expiresSeconds });
    return { uploadId, state: 'open', sizeBytes, put: shown(put), parts: null };
  }
  const { id, partBytes } = multipart;
  const count = Math.ceil(sizeBytes / partBytes);
  const there = new Set(arrived.map(({ part }) => part));
  const wanted = Array.from({ length: count }, (_, index) => index + 1).filter((part) => !there.has(part));
  const missing = await mapLimited(wanted.slice(0, MAX_SIGNED_PARTS), SIGNED_AT_ONCE, async (part) => {
    const bytes = Math.min(partBytes, sizeBytes - (part - 1) * partBytes);
    const request = shown(await links.signPart(key, id, { part, bytes, expiresSeconds }));
    return { part, bytes, request };
  });
  const parts = {
    partBytes,
    count,
    arrived: arrived.map(({ part, bytes }) => ({ part, bytes })),
    missing: [...missing],
  };
  return { uploadId, state: 'open', sizeBytes, put: null, parts };
}

function completeAnswer({ uploadId, sizeBytes }: UploadDocument): UploadAnswer {
  return { uploadId, state: 'complete', sizeBytes, put: null, parts: null };
}

const shown = ({ method, url, headers, expiresAt }: SignedRequest) => ({
  method,
  url,
  headers: { ...headers },
  expiresAt: new Date(expiresAt).toISOString(),
});

const MIB = 2 ** 20;

function partBytesOf(sizeBytes: number, least: number): number {
  const needed = sizeBytes / MAX_PARTS;
  return needed <= least ? least : Math.ceil(needed / MIB) * MIB;
}

const isCode = (error: unknown, code: HpbError['code']): boolean =>
  error instanceof HpbError && error.code === code;

function incomplete({ uploadId, sizeBytes }: UploadDocument, arrived: number): HpbError {
  return new HpbError(
    'UPLOAD_INCOMPLETE',
    `The upload ${uploadId} is not complete: ${arrived} of ${sizeBytes} bytes are there.`,
    {
      remedy: `Send what POST /uploads/${uploadId}/parts answers as missing, then complete the upload.`,
      details: { uploadId, arrived, sizeBytes },
    },
  );
}

function mismatch({ uploadId, sizeBytes }: UploadDocument, bytes: number): HpbError {
  return new HpbError(
    'UPLOAD_SIZE_MISMATCH',
    `The upload ${uploadId} has ${bytes} bytes, ${sizeBytes} were promised.`,
    {
      remedy: 'Open another upload with the true size and send the file again.',
      details: { uploadId, bytes, sizeBytes },
    },
  );
}
