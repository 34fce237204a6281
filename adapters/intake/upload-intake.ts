import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isManifestHead } from '../../core/manifest-head.ts';
import { HpbError } from '../../core/errors.ts';
import { caseIdOf, caseInputKey } from '../../core/layout.ts';
import type { FoundCase, Intake, IntakeReport, IntakeRequest, ObjectStore } from '../../core/ports.ts';
import type { NiftiHeader } from '../../core/volume/nifti-header.ts';
import { unreadable } from './archive-limits.ts';
import { peekHeader } from './peek-header.ts';
import { hashed, headOf, refuseStopped, stoppable, storeSource, type ByteSource } from './byte-source.ts';
import { KeptCases } from './kept-cases.ts';
import { scanCase, spool, type ScanRules } from './scan-case.ts';
import { withScratch } from './scratch.ts';
import { takeArchive, type TakenCase } from './take-archive.ts';
import { uploadKind, type ArchiveKind } from './upload-kind.ts';

const MANIFEST_HEAD_BYTES = 64;

/** What an intake works with. */
export interface UploadIntakeOptions {
  readonly store: ObjectStore;
  /** Folder for one CT at a time, made when missing; nothing is left in it. */
  readonly scratch: string;
  /** Memory of the machine that will run the cases; without it no case is refused for its size. */
  readonly memoryBytes?: number;
}

/** What is taken, where to unpack it, and what ends that. */
interface Taking {
  readonly source: ByteSource;
  readonly scratch: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Takes uploads apart: what they are is told by their content, and every CT goes through the input check of the
 * worker. CTs that are fit are stored under the key of their case; taking the same upload again writes the same.
 */
export class UploadIntake implements Intake {
  readonly #options: UploadIntakeOptions;

  constructor(options: UploadIntakeOptions) {
    this.#options = options;
  }

  /**
   * A batch is an archive, or a manifest of uploads (core/batch-manifest.ts).
   *
   * @throws HpbError ARCHIVE_* for an archive that cannot be used, ARCHIVE_UNREADABLE for an upload that is none
   * although one is expected, INPUT_IS_ARCHIVE for one that is although a CT is expected, OBJECT_NOT_FOUND,
   * DISK_FULL, CANCELLED
   */
  async take(request: IntakeRequest, signal?: AbortSignal): Promise<IntakeReport> {
    const source = stoppable(await storeSource(this.#options.store, request.inputKey), signal);
    const { kind, sentence } = await uploadKind(source, request.fileName);
    const archive = kind === 'ct' || kind === 'other' ? null : kind;
    if (request.batch && kind === 'other' && isManifestHead(await headOf(source, MANIFEST_HEAD_BYTES))) {
      // Of no use to the API, whose start it would slow down.
      const { takeManifest } = await import('./take-manifest.ts');
      return takeManifest({ store: this.#options.store, request, source, signal });
    }
    if (request.batch && archive === null) throw noArchive(kind, sentence, source.bytes);
    if (!request.batch && archive !== null) throw isArchive(archive);
    return withScratch(this.#options.scratch, (scratch) =>
      archive === null
        ? this.#takeCt(request, { source, scratch, signal })
        : this.#takeArchive(request, { source, kind: archive, scratch, signal }),
    );
  }

  async peek({ inputKey, fileName }: Pick<IntakeRequest, 'inputKey' | 'fileName'>): Promise<NiftiHeader> {
    const source = await storeSource(this.#options.store, inputKey);
    const { kind } = await uploadKind(source, fileName);
    if (kind !== 'ct' && kind !== 'other') throw isArchive(kind);
    return peekHeader(source);
  }

  async #takeCt(request: IntakeRequest, { source, scratch, signal }: Taking): Promise<IntakeReport> {
    const path = join(scratch, 'ct');
    const hash = createHash('sha256');
    await spool(hashed(source.read(), hash), path);
    const { grid, error } = await scanCase(path, this.#rulesOf(request));
    const caseId = caseIdOf(1);
    const key = caseInputKey(request.jobId, caseId);
    refuseStopped(signal);
    if (error === null) await this.#options.store.copy(request.inputKey, key);
    const name = request.fileName.replace(/(_0000)?\.nii(\.gz)?$/i, '') || request.fileName;
    const { bytes } = source;
    const sha256 = hash.digest('hex');
    const found: FoundCase = { caseId, name, key: error === null ? key : null, bytes, sha256, grid, error };
    return { kind: 'ct', sha256, bytes, cases: [found], ignored: [], ignoredCount: 0 };
  }

  async #takeArchive(
    request: IntakeRequest,
    archive: Taking & { readonly kind: ArchiveKind },
  ): Promise<IntakeReport> {
    const kept = new KeptCases(this.#options.store, request.jobId);
    const taking = takeArchive({
      ...archive,
      bounds: request,
      rules: this.#rulesOf(request),
      keep: async (caseId, ct) => {
        refuseStopped(archive.signal);
        return kept.keep(caseId, ct);
      },
    });
    const { sha256, cases, ignored, ignoredCount } = await taking.catch(async (error: unknown) => {
      // Nothing is stored any more behind an error.
      await kept.stored().catch(() => undefined);
      throw error;
    });
    await kept.stored();
    const { bytes } = archive.source;
    return { kind: 'archive', sha256, bytes, cases: cases.map(foundCase), ignored, ignoredCount };
  }

  #rulesOf({ models, options }: IntakeRequest): ScanRules {
    return { models, segment: options, memoryBytes: this.#options.memoryBytes };
  }
}

function foundCase({ caseId, name, key, bytes, sha256, grid, error }: TakenCase): FoundCase {
  return { caseId, name, key, bytes, ...(sha256 !== undefined && { sha256 }), grid, error };
}

function noArchive(kind: string, sentence: string | null, bytes: number): HpbError {
  if (bytes === 0) return unreadable('The upload is empty.');
  if (kind === 'ct')
    return new HpbError('ARCHIVE_UNREADABLE', 'The upload is a single CT, not an archive of cases.', {
      remedy: 'Start it as a single case, or pack it into a .zip, .tar or .tar.gz.',
    });
  return unreadable(
    sentence === null
      ? 'The upload is no archive that we read: neither .zip nor .tar nor .tar.gz by its content, and no manifest.'
      : `The upload is no .zip, .tar or .tar.gz. ${sentence}`,
  );
}

function isArchive(kind: ArchiveKind): HpbError {
  return new HpbError('INPUT_IS_ARCHIVE', `The upload is a ${kind} archive, not a single CT.`, {
    remedy: 'Start it as a batch, or unpack it and send the CT in it as .nii or .nii.gz.',
    details: { kind },
  });
}
