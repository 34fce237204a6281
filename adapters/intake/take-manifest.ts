import { createHash } from 'node:crypto';
import { duplicateName, shownName } from '../../core/archive-cases.ts';
import { MAX_MANIFEST_BYTES, parseManifest, type BatchManifest } from '../../core/batch-manifest.ts';
import { HpbError } from '../../core/errors.ts';
import { caseIdOf, uploadInputKey, uploadUseKey } from '../../core/layout.ts';
import { mapLimited } from '../../core/map-limited.ts';
import type { FoundCase, IntakeReport, IntakeRequest, ObjectStore } from '../../core/ports.ts';
import { readUpload } from '../../core/use-cases/upload-document.ts';
import { completedUpload } from '../../core/use-cases/uploads.ts';
import { refuseStopped, sizedSource, type ByteSource } from './byte-source.ts';
import { peekHeader } from './peek-header.ts';
import { caseError } from './scan-case.ts';

const READ_AT_ONCE = 16;

/** A batch whose cases are uploads of their own. */
export interface ManifestTake {
  readonly store: ObjectStore;
  readonly request: Pick<IntakeRequest, 'jobId' | 'maxCases'>;
  readonly source: ByteSource;
  /** Aborted: no further upload is marked. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes the cases of a manifest in, in its order: each stays where it was uploaded and is marked as used by the job.
 * Only headers are read here; the whole CT, and whether it is the promised one, where it is run: a function has not the
 * time to read a thousand of them. What is wrong with one upload is an error of that case.
 *
 * @throws HpbError ARCHIVE_UNREADABLE, ARCHIVE_TOO_LARGE, ARCHIVE_TOO_MANY_CASES, CANCELLED, and what the store throws.
 */
export async function takeManifest({ store, request, source, signal }: ManifestTake): Promise<IntakeReport> {
  const bytes = await manifestBytes(source);
  const { cases } = parseManifest(bytes);
  if (cases.length > request.maxCases)
    throw new HpbError(
      'ARCHIVE_TOO_MANY_CASES',
      `The manifest names ${cases.length} cases; at most ${request.maxCases} are taken at once.`,
      {
        remedy: 'Send several with fewer cases each.',
        details: { cases: cases.length, maxCases: request.maxCases },
      },
    );
  const namesakes = Map.groupBy(cases, ({ name }) => name.toLowerCase());
  const found = await mapLimited(cases, READ_AT_ONCE, async (one, index) => {
    refuseStopped(signal);
    const ambiguous = namesakes.get(one.name.toLowerCase())!.length > 1;
    const taken = ambiguous
      ? refused(duplicateName())
      : await takeUpload(store, request, one).catch(refusedFor);
    return { caseId: caseIdOf(index + 1), name: shownName(one.name), ...taken };
  });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { kind: 'archive', sha256, bytes: bytes.length, cases: found, ignored: [], ignoredCount: 0 };
}

async function manifestBytes(source: ByteSource): Promise<Buffer> {
  if (source.bytes > MAX_MANIFEST_BYTES)
    throw new HpbError('ARCHIVE_TOO_LARGE', `The manifest is larger than ${MAX_MANIFEST_BYTES} bytes.`, {
      remedy: 'Send several with fewer cases each.',
      details: { bytes: source.bytes, limit: MAX_MANIFEST_BYTES },
    });
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.read()) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

type Taken = Pick<FoundCase, 'key' | 'bytes' | 'sha256' | 'grid' | 'error'>;

async function takeUpload(
  store: ObjectStore,
  { jobId }: ManifestTake['request'],
  { uploadId }: BatchManifest['cases'][number],
): Promise<Taken> {
  // Of exactly the promised size, or not there: size is part of the signature of an upload.
  const upload = await readUpload(store, uploadId);
  const key = uploadInputKey(uploadId);
  const source = sizedSource(store, key, upload.sizeBytes);
  const { grid } = await peekHeader(source).catch(async (thrown: unknown) => {
    if (thrown instanceof HpbError && thrown.code === 'OBJECT_NOT_FOUND')
      await completedUpload({ store }, uploadId);
    throw thrown;
  });
  await store.put(uploadUseKey(uploadId, jobId), '');
  const promised = upload.sha256 === null ? {} : { sha256: upload.sha256 };
  return { key, bytes: source.bytes, ...promised, grid, error: null };
}

const refusedFor = (thrown: unknown): Taken => refused(caseError(thrown));

function refused(error: HpbError): Taken {
  return { key: null, bytes: 0, grid: null, error: error.toDocument() };
}
