import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { HpbError, type ErrorDocument } from '../../core/errors.ts';
import type { ModelId, SegmentOptions } from '../../core/models/catalogue.ts';
import type { ScanVerdict } from '../../core/volume/scan-check.ts';
import type { Grid } from '../../core/volume/volume.ts';
import { outputError } from '../file-error.ts';
import { scanFile, scanHeld, type ScanFileOptions, type ScannedFile } from '../scan-file.ts';
import { MAX_MEMBER_BYTES, memberCorrupt } from './archive-limits.ts';

/** What a CT is meant for. */
export interface ScanRules {
  readonly models: readonly ModelId[];
  readonly segment: SegmentOptions;
  /** Memory of the machine that will run it; without it nothing is refused for its size. */
  readonly memoryBytes?: number | undefined;
  /** Ends the check with `CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

/** What the input check says of a CT. */
export interface ScannedCase {
  /** Null when the header cannot be read. */
  readonly grid: Grid | null;
  /** The first reason why it cannot be run; null when it is fit. */
  readonly error: ErrorDocument | null;
  /** Null when it cannot be read as a CT at all. */
  readonly verdict: ScanVerdict | null;
}

/**
 * The input check of the worker, with what is wrong with the CT as a value; everything else (a full disk, a store
 * that is gone, a cancel) is thrown.
 */
export async function scanCase(path: string, rules: ScanRules): Promise<ScannedCase> {
  try {
    return scannedCase(await scanFile(path, optionsOf(rules)));
  } catch (error) {
    return { grid: null, error: caseError(error).toDocument(), verdict: null };
  }
}

/** The same of a CT in memory; null when only reading it from a file says what it is. */
export function scanHeldCase(content: Uint8Array, rules: ScanRules): ScannedCase | null {
  const scanned = scanHeld(content, optionsOf(rules));
  return scanned === null ? null : scannedCase(scanned);
}

const optionsOf = ({ models, segment, memoryBytes = Infinity, signal }: ScanRules): ScanFileOptions => ({
  models,
  segment,
  memoryPresentBytes: memoryBytes,
  ...(signal && { signal }),
});

const scannedCase = ({ file, verdict }: ScannedFile): ScannedCase => ({
  grid: file.grid,
  error: verdict.problems[0] ?? null,
  verdict,
});

/** The error when it is the fault of one CT; throws it again when it is not. */
export function caseError(error: unknown): HpbError {
  if (error instanceof HpbError && error.blame === 'caller' && error.code !== 'CANCELLED') return error;
  throw error;
}

/** Writes the content of a member to a new local file. Throws what the chunks throw, `DISK_FULL`, `OUTPUT_UNWRITABLE`. */
export async function spool(chunks: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  try {
    await pipeline(capped(chunks), createWriteStream(path, { flags: 'wx' }));
  } catch (error) {
    throw outputError(error);
  }
}

async function* capped(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > MAX_MEMBER_BYTES) throw memberCorrupt(`it holds more than ${MAX_MEMBER_BYTES} bytes`);
    yield chunk;
  }
}
