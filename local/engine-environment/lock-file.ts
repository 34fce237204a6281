import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { HpbError } from '../../core/errors.ts';

/** The pinned packages of the engine environment. */
export interface LockFile {
  readonly path: string;
  readonly sha256: string;
  /** Normalised package name -> exact version. */
  readonly versions: ReadonlyMap<string, string>;
}

/**
 * Reads `requirements.lock`: lines of `name==version`, comments and blank lines.
 *
 * @throws HpbError ENGINES_INSTALL_FAILED when the file is missing, or holds another kind of line.
 */
export async function readLockFile(path: string): Promise<LockFile> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw damaged(path, 'it cannot be read');
  });
  const versions = new Map<string, string>();
  for (const line of text.split('\n')) {
    const entry = line.replace(/#.*/, '').trim();
    if (entry === '') continue;
    const [, name, version] = /^([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)$/.exec(entry) ?? [];
    if (name === undefined || version === undefined)
      throw damaged(path, `the line ${JSON.stringify(entry)} pins nothing`);
    versions.set(packageName(name), version);
  }
  if (!versions.has('torch')) throw damaged(path, 'it does not pin torch');
  return { path, sha256: createHash('sha256').update(text).digest('hex'), versions };
}

/** A package name as indexes compare it: `MedPy` and `medpy`, `acvl_utils` and `acvl-utils` are one. */
export function packageName(name: string): string {
  return name.replaceAll(/[-_.]+/g, '-').toLowerCase();
}

/**
 * Packages whose installed version is not the pinned one. A build tag (`2.13.0+cpu`) does not count: CPU and
 * CUDA builds of one version are told apart by it.
 */
export function differences(lock: LockFile, installed: Readonly<Record<string, string>>): readonly string[] {
  return [...lock.versions]
    .filter(([name, version]) => installed[name]?.split('+')[0] !== version.split('+')[0])
    .map(([name, version]) => `${name} ${installed[name] ?? 'is missing'} instead of ${version}`);
}

function damaged(path: string, why: string): HpbError {
  return new HpbError('ENGINES_INSTALL_FAILED', `The list of engine versions ${path} is unusable: ${why}.`, {
    remedy:
      'Restore the file: git checkout -- container/engine/requirements.lock, or install the package again.',
  });
}
