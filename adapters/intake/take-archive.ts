import { createHash, randomUUID, type Hash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { findCases, type ArchiveCase, type ArchiveContents } from '../../core/archive-cases.ts';
import type { CaseId } from '../../core/layout.ts';
import type { FoundCase } from '../../core/ports.ts';
import type { ScanVerdict } from '../../core/volume/scan-check.ts';
import { SMALL_NIFTI_BYTES } from '../nifti-small.ts';
import type { ArchiveBounds } from './archive-limits.ts';
import { hashed, type ByteSource } from './byte-source.ts';
import type { OpenedArchive } from './opened-archive.ts';
import type { UnpackedCt } from './kept-cases.ts';
import { caseError, scanCase, scanHeldCase, spool, type ScannedCase, type ScanRules } from './scan-case.ts';
import { openTar } from './tar-members.ts';
import type { ArchiveKind } from './upload-kind.ts';
import { openZip } from './zip-members.ts';

/** How to take an archive apart. */
export interface ArchiveTake {
  readonly source: ByteSource;
  readonly kind: ArchiveKind;
  readonly bounds: ArchiveBounds;
  readonly rules: ScanRules;
  /** A folder that exists; at most one CT lies in it at a time. */
  readonly scratch: string;
  /** Takes the CT of a case that is fit and returns its key. */
  readonly keep?: (caseId: CaseId, ct: UnpackedCt) => Promise<string>;
  /** Called for every case as soon as it was looked at. */
  readonly onCase?: (found: TakenCase) => void;
}

/** A case with all that the input check says of it. */
export interface TakenCase extends FoundCase {
  /** Null when it cannot be read as a CT at all. */
  readonly verdict: ScanVerdict | null;
}

/** An archive that was taken apart. */
export interface TakenArchive extends Pick<ArchiveContents, 'ignored' | 'ignoredCount'> {
  /** Of the archive as it came. */
  readonly sha256: string;
  /** In the order of their ids. */
  readonly cases: readonly TakenCase[];
}

/**
 * Takes an archive apart, case by case: each CT is unpacked (a large one to a local file), checked, and kept when it
 * is fit. What is wrong with one CT is an error of that case.
 *
 * @throws HpbError ARCHIVE_* for what makes the archive as a whole useless; `DISK_FULL` and what `keep` throws
 */
export async function takeArchive(take: ArchiveTake): Promise<TakenArchive> {
  const archive = await openArchive(take);
  const { cases, ignored, ignoredCount } = findCases(archive.members, take.bounds.maxCases);
  const taken = new Map<CaseId, TakenCase>();
  const add = (found: TakenCase): void => {
    taken.set(found.caseId, found);
    take.onCase?.(found);
  };
  const readable = new Map<number, ArchiveCase>();
  for (const found of cases)
    if (found.error === null) readable.set(found.member, found);
    else add(refused(found, found.error.toDocument()));
  await archive.visit([...readable.keys()], async (index, chunks) =>
    add(await takeCase(take, readable.get(index)!, chunks)),
  );
  return {
    sha256: archive.sha256,
    cases: cases.map(({ caseId }) => taken.get(caseId)!),
    ignored,
    ignoredCount,
  };
}

function openArchive({ source, kind, bounds }: ArchiveTake): Promise<OpenedArchive> {
  return kind === 'zip' ? openZip(source, bounds) : openTar({ source, gzip: kind === 'tar.gz', bounds });
}

async function takeCase(
  take: ArchiveTake,
  found: ArchiveCase,
  chunks: AsyncIterable<Uint8Array>,
): Promise<TakenCase> {
  const sum = createHash('sha256');
  let begun: BegunCt;
  try {
    begun = await beginningOf(hashed(chunks, sum));
  } catch (error) {
    return refused(found, caseError(error).toDocument());
  }
  const { content, rest } = begun;
  const scanned = rest === null ? scanHeldCase(content, take.rules) : null;
  if (scanned === null) return takeSpooled(take, found, { sum, chunks: whole(begun) });
  const key = await kept(take, found, { scanned, ct: { content } });
  return { ...identity(found), ...scanned, sha256: sum.digest('hex'), key };
}

/** A CT that is large, or out of the ordinary. */
async function takeSpooled(
  take: ArchiveTake,
  found: ArchiveCase,
  { sum, chunks }: { readonly sum: Hash; readonly chunks: AsyncIterable<Uint8Array> },
): Promise<TakenCase> {
  const path = join(take.scratch, randomUUID());
  try {
    const unpacked = await spool(chunks, path).then(() => null, caseError);
    if (unpacked !== null) return refused(found, unpacked.toDocument());
    const scanned = await scanCase(path, take.rules);
    const key = await kept(take, found, { scanned, ct: { path } });
    return { ...identity(found), ...scanned, sha256: sum.digest('hex'), key };
  } finally {
    rmSync(path, { force: true });
  }
}

async function kept(
  { keep }: ArchiveTake,
  { caseId }: ArchiveCase,
  { scanned, ct }: { readonly scanned: ScannedCase; readonly ct: UnpackedCt },
): Promise<string | null> {
  return scanned.error === null && keep !== undefined ? keep(caseId, ct) : null;
}

/** A CT whose first bytes are in memory. */
interface BegunCt {
  readonly content: Uint8Array;
  /** Null when that is all. */
  readonly rest: AsyncIterator<Uint8Array> | null;
}

async function beginningOf(chunks: AsyncIterable<Uint8Array>): Promise<BegunCt> {
  const rest = chunks[Symbol.asyncIterator]();
  const pieces: Uint8Array[] = [];
  for (let bytes = 0; bytes <= SMALL_NIFTI_BYTES;) {
    const { done, value } = await rest.next();
    if (done === true) return { content: Buffer.concat(pieces), rest: null };
    pieces.push(value);
    bytes += value.length;
  }
  return { content: Buffer.concat(pieces), rest };
}

async function* whole({ content, rest }: BegunCt): AsyncGenerator<Uint8Array> {
  yield content;
  if (rest !== null) yield* { [Symbol.asyncIterator]: () => rest };
}

const identity = ({ caseId, name, bytes }: ArchiveCase): Pick<FoundCase, 'caseId' | 'name' | 'bytes'> => ({
  caseId,
  name,
  bytes,
});

function refused(found: ArchiveCase, error: NonNullable<FoundCase['error']>): TakenCase {
  return { ...identity(found), key: null, grid: null, error, verdict: null };
}
