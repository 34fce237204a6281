import { HpbError } from '../errors.ts';
import { viewerCasePrefix, viewerFileKey, type ViewerCaseId } from '../layout.ts';
import type { ObjectStore } from '../ports.ts';
import { VIEWER_MANIFEST, VIEWER_METADATA } from '../results/learnhpb-folder.ts';
import { changeViewerIndex } from './viewer-index.ts';

/**
 * Takes a case out of the viewer: out of the list, then its documents, then everything that they named. Returns what
 * was removed. Interrupted, it may be called again.
 *
 * @throws HpbError RESULT_NOT_FOUND when there is no such case.
 */
export async function unpublishCase(
  viewer: ObjectStore,
  id: ViewerCaseId,
): Promise<{ readonly objects: number; readonly bytes: number }> {
  const prefix = viewerCasePrefix(id);
  const there = await viewer.list(prefix, { limit: 1 });
  await changeViewerIndex(viewer, id, null);
  if (there.length === 0) {
    throw new HpbError('RESULT_NOT_FOUND', `The viewer has no case ${JSON.stringify(id)}.`, {
      remedy: 'Give the id that it was published under.',
      details: { id },
    });
  }
  const documents = await Promise.all(
    [VIEWER_MANIFEST, VIEWER_METADATA].map((name) => viewer.head(viewerFileKey(id, name))),
  );
  const removed = documents.flatMap((facts) => facts ?? []);
  for (const { key } of removed) await viewer.remove(key);
  const rest = await viewer.removeAll(prefix);
  return {
    objects: rest.objects + removed.length,
    bytes: rest.bytes + removed.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
