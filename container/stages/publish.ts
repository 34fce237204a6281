import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { caseFileKey, caseResultKey, caseZipKey } from '../../core/layout.ts';
import type { CaseResult } from '../../core/shard.ts';
import type { CaseContext } from '../case-context.ts';
import { throwIfCaseCancelled } from '../case-error.ts';
import type { PackagedCase } from './package.ts';

/** What result.json says about the files of a case. */
export type PublishedFiles = Pick<CaseResult, 'files' | 'zip'>;

/**
 * Stores the files and the ZIP of a case. An older result.json goes first: while there is one, everything that it
 * names is there.
 */
export async function publishCase(context: CaseContext, packaged: PackagedCase): Promise<PublishedFiles> {
  const { ports, jobId, caseId, cancel } = context;
  await ports.store.remove(caseResultKey(jobId, caseId));
  const files: CaseResult['files'] = [];
  for (const { name, path } of packaged.files) {
    throwIfCaseCancelled(cancel);
    const key = caseFileKey(jobId, caseId, name);
    await ports.store.putFile(key, path);
    const content = await readFile(path);
    files.push({
      name,
      key,
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    });
  }
  const key = caseZipKey(jobId, caseId);
  await ports.store.putFile(key, packaged.zip.path);
  const { bytes, sha256 } = packaged.zip;
  return { files, zip: { key, bytes, sha256 } };
}
