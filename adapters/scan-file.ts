import { memoryNeededForCase } from '../core/models/case-memory.ts';
import { memoryNeeded } from '../core/models/memory.ts';
import type { ModelId, SegmentOptions } from '../core/models/catalogue.ts';
import { huStats } from '../core/volume/hu-stats.ts';
import { checkScan, type ScanVerdict } from '../core/volume/scan-check.ts';
import { decodeSmallNifti } from './nifti-small.ts';
import { readNifti, type NiftiFile, type ReadNiftiOptions } from './nifti-file.ts';

/** What the CT is meant for, and the memory there is: the check refuses what would not fit. */
export interface ScanFileOptions extends ReadNiftiOptions {
  readonly models: readonly ModelId[];
  readonly segment: SegmentOptions;
  readonly memoryPresentBytes: number;
}

/** A CT as read, and whether it is fit to run. */
export interface ScannedFile {
  readonly file: NiftiFile;
  readonly verdict: ScanVerdict;
}

/**
 * Reads a CT and judges it before any engine starts: the one input check, of the worker and of `hpb check` alike.
 *
 * @throws HpbError for a file that cannot be read as a CT at all; what a readable one lacks is in the verdict.
 */
export async function scanFile(path: string, options: ScanFileOptions): Promise<ScannedFile> {
  return judged(await readNifti(path, { ...options, shared: true }), options);
}

/** The same of a file that is in memory; null when only reading it from the disk says what it is. */
export function scanHeld(content: Uint8Array, options: ScanFileOptions): ScannedFile | null {
  const file = decodeSmallNifti(content, options);
  return file === null ? null : judged(file, options);
}

function judged(file: NiftiFile, options: ScanFileOptions): ScannedFile {
  const needed = options.models.map(
    (model) => [model, (grid: typeof file.grid) => memoryNeeded(grid, model, options.segment)] as const,
  );
  const memory = {
    needed: Object.fromEntries(needed),
    neededForCase: (grid: typeof file.grid) => memoryNeededForCase(grid, options.models, options.segment),
    presentBytes: options.memoryPresentBytes,
  };
  return { file, verdict: checkScan(file.header, { stats: huStats(file), memory }) };
}
