import { caseFileKey, caseResultKey, caseZipKey } from '../../core/layout.ts';
import { mapLimited } from '../../core/map-limited.ts';
import type { CaseResult } from '../../core/shard.ts';
import type { CaseContext } from '../case-context.ts';
import { throwIfCaseCancelled } from '../case-error.ts';
import type { SummedCase } from './package.ts';
import type { PackagedFile } from './written.ts';

/** What result.json says of a case that has succeeded. */
export type PublishedFiles = Pick<CaseResult, 'files' | 'zip' | 'previews' | 'summary'>;

const STORED_AT_ONCE = 4;

/**
 * Stores the files and the ZIP of a case, and previews if there are any. An older result.json goes first: while there
 * is one, everything that it names is there.
 */
export async function publishCase(
  context: CaseContext,
  packaged: SummedCase,
  previews: readonly PackagedFile[] = [],
): Promise<PublishedFiles> {
  const { ports, jobId, caseId, cancel } = context;
  await ports.store.remove(caseResultKey(jobId, caseId));
  // Several at once, since each waits for the disk or the network most of its time.
  const { bytes, sha256 } = packaged.zip;
  const zipKey = caseZipKey(jobId, caseId);
  const keyed = (file: PackagedFile) => ({ file, key: caseFileKey(jobId, caseId, file.name) });
  const listed = ({ name, bytes, sha256 }: PackagedFile): CaseResult['files'][number] => ({
    name,
    key: caseFileKey(jobId, caseId, name),
    bytes,
    sha256,
  });
  const [files, shown] = [packaged.files.map(keyed), previews.map(keyed)];
  const all = [...files, ...shown, { key: zipKey, file: packaged.zip }];
  await mapLimited(all, STORED_AT_ONCE, ({ key, file }) => {
    throwIfCaseCancelled(cancel);
    if ('content' in file) return ports.store.put(key, file.content);
    return ports.store.putFile(key, file.path, { givenUp: !ports.keepIntermediate });
  });
  return {
    files: packaged.files.map(listed),
    ...(previews.length > 0 && { previews: previews.map(listed) }),
    zip: { key: zipKey, bytes, sha256 },
    summary: packaged.summary,
  };
}
