import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { HpbError } from '../core/errors.ts';
import type { WeightsId } from '../core/models/weights.ts';
import { acquireProcessLock } from './process-lock.ts';

const fileHash = z.object({ bytes: z.number(), sha256: z.string() });

const recordSchema = z.object({
  version: z.literal(1),
  /** Weight set -> the archive as it was first fetched. */
  archives: z.record(z.string(), fileHash),
  /** Weight set -> file relative to the trainer's folder -> as it was installed. */
  files: z.record(z.string(), z.record(z.string(), fileHash)),
});

/** What `<models root>/sha256.json` holds: the checksums at the first fetch, against which everything later is held. */
export type RecordedWeights = z.infer<typeof recordSchema>;

const EMPTY: RecordedWeights = { version: 1, archives: {}, files: {} };

/**
 * Reads the recorded checksums; none when nothing was installed yet.
 *
 * @throws HpbError WEIGHTS_CORRUPT when the record itself is damaged.
 */
export async function readRecordedWeights(modelsRoot: string): Promise<RecordedWeights> {
  const path = join(modelsRoot, 'sha256.json');
  const text = textOf(path);
  if (text === null) return EMPTY;
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new HpbError('WEIGHTS_CORRUPT', `The record of checksums ${path} cannot be read.`, {
      remedy: 'Delete it and run `hpb models pull` again: the checksums are then recorded anew.',
      cause,
    });
  }
}

/** Synchronous, as every case asks for it; null when it is not there. */
function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

/** Changes what is recorded of one weight set; safe beside other processes that do the same. */
export async function recordWeights(
  modelsRoot: string,
  id: WeightsId,
  change: {
    readonly archive?: z.infer<typeof fileHash>;
    readonly files?: Readonly<Record<string, z.infer<typeof fileHash>>>;
  },
): Promise<void> {
  const path = join(modelsRoot, 'sha256.json');
  await mkdir(modelsRoot, { recursive: true });
  const release = await acquireProcessLock(`${path}.lock`);
  try {
    const before = await readRecordedWeights(modelsRoot);
    const after: RecordedWeights = {
      version: 1,
      archives: { ...before.archives, ...(change.archive === undefined ? {} : { [id]: change.archive }) },
      files: { ...before.files, ...(change.files === undefined ? {} : { [id]: { ...change.files } }) },
    };
    const partial = `${path}.${randomUUID()}`;
    await writeFile(partial, `${JSON.stringify(after, null, 2)}\n`);
    await rename(partial, path);
  } finally {
    await release();
  }
}
