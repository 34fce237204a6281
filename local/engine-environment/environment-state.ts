import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { venvPython } from '../../adapters/machine-paths.ts';
import { HpbError } from '../../core/errors.ts';
import type { LockFile } from './lock-file.ts';

const markerSchema = z.object({
  version: z.literal(1),
  /** sha256 of the requirements.lock that was installed. */
  lockSha256: z.string(),
  python: z.string(),
  /** Package name -> installed version. */
  versions: z.record(z.string(), z.string()),
});

/** What was installed; written last, so its presence says that everything else is there. */
export type EnvironmentMarker = z.infer<typeof markerSchema>;

const MARKER = 'hpb-environment.json';
/** There from the first change to an environment until its marker is written. */
const UNFINISHED = 'hpb-unfinished';
/** The lock between two starts. */
export const LOCK_NAME = 'hpb-install.lock';
/** pip's scratch, so that leftovers of a killed pip are found and removed. */
export const SCRATCH_NAME = 'hpb-tmp';

/** The marker of an environment, or null when it has none (never finished, or not made by us). */
export async function readMarker(venv: string): Promise<EnvironmentMarker | null> {
  try {
    return markerSchema.parse(JSON.parse(await readFile(join(venv, MARKER), 'utf8')));
  } catch {
    return null;
  }
}

/** Whether the environment is whole and holds what `lock` pins; takes milliseconds. */
export async function isComplete(venv: string, lock: LockFile): Promise<boolean> {
  const marker = await readMarker(venv);
  return marker !== null && marker.lockSha256 === lock.sha256 && existsSync(venvPython(venv));
}

/** Takes the marker away before the environment is changed. */
export async function markUnfinished(venv: string): Promise<void> {
  await mkdir(venv, { recursive: true });
  await writeFile(join(venv, UNFINISHED), 'hpb is installing the engines here, or was interrupted.\n');
  await rm(join(venv, MARKER), { force: true });
}

/** Declares the environment whole. */
export async function markComplete(venv: string, marker: EnvironmentMarker): Promise<void> {
  const partial = join(venv, `${MARKER}.partial`);
  await writeFile(partial, `${JSON.stringify(marker, null, 2)}\n`);
  await rename(partial, join(venv, MARKER));
  await rm(join(venv, UNFINISHED), { force: true });
}

/**
 * Refuses a folder that holds something else than an environment.
 *
 * @throws HpbError SETTINGS_INVALID
 */
export async function refuseForeignFolder(venv: string): Promise<void> {
  const names = await readdir(venv).catch((): string[] => []);
  const foreign = names.filter((name) => !name.startsWith(LOCK_NAME));
  if (foreign.length === 0 || names.includes('pyvenv.cfg') || names.includes(UNFINISHED)) return;
  throw new HpbError('SETTINGS_INVALID', `${venv} is not empty and is not a Python environment.`, {
    remedy: 'Point HPB_VENV at a folder that does not exist yet, or at an environment.',
    details: { name: 'HPB_VENV' },
  });
}

/** Empties an environment that cannot be completed, except for the lock and the unfinished mark. */
export async function emptyEnvironment(venv: string): Promise<void> {
  for (const name of await readdir(venv)) {
    if (!name.startsWith(LOCK_NAME) && name !== UNFINISHED)
      await rm(join(venv, name), { recursive: true, force: true });
  }
}
