import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { openFileHashes, type FileHash, type FileHashes } from '../../adapters/file-hashes.ts';
import { machinePaths, type MachinePaths } from '../../adapters/machine-paths.ts';
import { readRecordedWeights } from '../../adapters/recorded-weights.ts';
import { throwIfCancelled } from '../../adapters/run-process.ts';
import { filesOf } from '../../adapters/weights-layout.ts';
import { weightSet, WEIGHTS, type WeightsId } from '../../core/models/weights.ts';
import type { ModelsRequest } from './install-models.ts';
import { listSet } from './list-models.ts';

/** One file as `hpb models verify` found it. */
export interface VerifiedFile {
  readonly set: string;
  /** Whether it belongs to the demo networks. */
  readonly demo: boolean;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string | null;
  /** `unrecorded`: installed by other means, so there is nothing to hold it against. */
  readonly state: 'ok' | 'changed' | 'gone' | 'unrecorded';
}

const manifestSchema = z.object({
  sets: z.record(
    z.string(),
    z.object({ files: z.record(z.string(), z.object({ bytes: z.int(), sha256: z.string() })) }),
  ),
});

/**
 * Reads all installed weights anew and holds them against what was recorded at their installation, and the demo
 * networks against their manifest.
 */
export async function verifyModels(request: ModelsRequest): Promise<readonly VerifiedFile[]> {
  const paths = machinePaths(request.settings, request.packageRoot);
  const recorded = await readRecordedWeights(paths.modelsRoot);
  const hashes = await openFileHashes(paths.dataRoot);
  const verified: VerifiedFile[] = [];
  for (const set of Object.keys(WEIGHTS) as WeightsId[]) {
    const expected = recorded.files[set] ?? {};
    const { folder, state, folds } = await listSet(set, paths, {});
    const present = state === 'missing' ? [] : filesOf(weightSet(set), folds);
    for (const path of new Set([...Object.keys(expected), ...present])) {
      throwIfCancelled(request.signal);
      const found = await hashes.hash(join(folder, path), { fresh: true }).catch(() => null);
      const was = expected[path];
      const { bytes } = found ?? was ?? { bytes: 0 };
      verified.push({
        set,
        demo: false,
        path,
        bytes,
        sha256: found?.sha256 ?? null,
        state: outcome(found, was),
      });
    }
  }
  verified.push(...(await verifyDemo(paths, hashes, request.signal)));
  await hashes.save();
  return verified;
}

async function verifyDemo(
  { demoWeights }: MachinePaths,
  hashes: FileHashes,
  signal: AbortSignal | undefined,
): Promise<readonly VerifiedFile[]> {
  const text = await readFile(join(demoWeights, 'manifest.json'), 'utf8').catch(() => null);
  if (text === null) return [];
  const verified: VerifiedFile[] = [];
  for (const [set, { files }] of Object.entries(manifestSchema.parse(JSON.parse(text)).sets))
    for (const [path, was] of Object.entries(files)) {
      throwIfCancelled(signal);
      const found = await hashes.hash(join(demoWeights, path), { fresh: true }).catch(() => null);
      const { bytes } = found ?? was;
      verified.push({
        set,
        demo: true,
        path,
        bytes,
        sha256: found?.sha256 ?? null,
        state: outcome(found, was),
      });
    }
  return verified;
}

function outcome(found: FileHash | null, recorded: FileHash | undefined): VerifiedFile['state'] {
  if (found === null) return 'gone';
  if (recorded === undefined) return 'unrecorded';
  return found.sha256 === recorded.sha256 ? 'ok' : 'changed';
}
