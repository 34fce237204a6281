import type { ArchiveMember } from '../../core/archive-cases.ts';

/** An archive whose directory was read, and believed no more than needed. */
export interface OpenedArchive {
  readonly members: readonly ArchiveMember[];
  /** Of the archive as it came. */
  readonly sha256: string;
  /**
   * Hands the content of some members to `use`, one after the other, in whatever order is quick. The chunks throw
   * `ARCHIVE_MEMBER_CORRUPT` when they are not what the archive promised; what `use` throws comes out here.
   */
  visit(
    indices: readonly number[],
    use: (index: number, chunks: AsyncIterable<Uint8Array>) => Promise<void>,
  ): Promise<void>;
}
