import { createHash, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findCases, type ArchiveCase, type ArchiveContents } from '../../core/archive-cases.ts';
import type { CaseId } from '../../core/layout.ts';
import type { FoundCase } from '../../core/ports.ts';
import type { ScanVerdict } from '../../core/volume/scan-check.ts';
import type { ArchiveBounds } from './archive-limits.ts';
import { hashed, type ByteSource } from './byte-source.ts';
import type { OpenedArchive } from './opened-archive.ts';
import { caseError, scanCase, spool, type ScanRules } from './scan-case.ts';
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
  /** Takes the CT of a case that is fit (a local file that goes away afterwards) and returns its key. */
  readonly keep?: (caseId: CaseId, path: string) => Promise<string>;
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
 * Takes an archive apart, case by case: each CT is unpacked to a local file, checked, kept when it is fit, and
 * removed. What is wrong with one CT is an error of that case.
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
  { scratch, rules, keep }: ArchiveTake,
  found: ArchiveCase,
  chunks: AsyncIterable<Uint8Array>,
): Promise<TakenCase> {
  const path = join(scratch, randomUUID());
  try {
    const hash = createHash('sha256');
    const unpacked = await spool(hashed(chunks, hash), path).then(() => null, caseError);
    if (unpacked !== null) return refused(found, unpacked.toDocument());
    const scanned = await scanCase(path, rules);
    const key = scanned.error === null && keep !== undefined ? await keep(found.caseId, path) : null;
    return { ...identity(found), ...scanned, sha256: hash.digest('hex'), key };
  } finally {
    await rm(path, { force: true });
  }
}

const identity = ({ caseId, name, bytes }: ArchiveCase): Pick<FoundCase, 'caseId' | 'name' | 'bytes'> => ({
  caseId,
  name,
  bytes,
});

function refused(found: ArchiveCase, error: NonNullable<FoundCase['error']>): TakenCase {
  return { ...identity(found), key: null, grid: null, error, verdict: null };
}
