import { caseThumbnailKey, caseViewerZipKey } from '../layout.ts';
import type { Bundler, ObjectStore } from '../ports.ts';
import { VIEWER_MANIFEST, VIEWER_METADATA, VIEWER_THUMBNAIL } from '../results/learnhpb-folder.ts';
import type { CaseResult } from '../shard.ts';
import { folderOf, storedCase, type JpegOfPng, type ViewerNaming } from './viewer-source.ts';

/** What making the ZIP needs. */
export interface ViewerZipPorts {
  readonly store: ObjectStore;
  readonly bundler: Bundler;
  readonly jpegOfPng: JpegOfPng;
}

/**
 * Makes the ZIP of a case's folder for the viewer, `<id>/manifest.json` and so on, in the store. Returns its key and
 * size.
 *
 * @throws HpbError as `folderOf`.
 */
export async function viewerZip(
  { store, bundler, jpegOfPng }: ViewerZipPorts,
  result: CaseResult,
  naming: ViewerNaming,
): Promise<{ readonly key: string; readonly bytes: number }> {
  const { jobId, caseId, files } = result;
  const folder = await folderOf(storedCase(store, result), naming, { hashedNames: false, jpegOfPng });
  const named = (name: string): string => `${naming.id}/${name}`;
  const members: Parameters<Bundler['bundle']>[1][number][] = folder.copies.map(({ from, name }) => {
    const { key, bytes } = files.find((file) => file.name === from)!;
    return { name: named(name), source: { key, bytes } };
  });
  members.push({ name: named(VIEWER_MANIFEST), source: { text: folder.manifest } });
  members.push({ name: named(VIEWER_METADATA), source: { text: folder.metadata } });
  if (folder.thumbnail !== null) {
    const key = caseThumbnailKey(jobId, caseId);
    const { bytes } = await store.put(key, folder.thumbnail);
    members.push({ name: named(VIEWER_THUMBNAIL), source: { key, bytes } });
  }
  const key = caseViewerZipKey(jobId, caseId);
  const { bytes } = await bundler.bundle(key, members);
  return { key, bytes };
}
