import { viewerCasePrefix, viewerFileKey } from '../layout.ts';
import { mapLimited } from '../map-limited.ts';
import type { ObjectStore } from '../ports.ts';
import { VIEWER_MANIFEST, VIEWER_METADATA, VIEWER_THUMBNAIL } from '../results/learnhpb-folder.ts';
import { changeViewerIndex } from './viewer-index.ts';
import { folderOf, type JpegOfPng, type ViewerNaming, type ViewerSource } from './viewer-source.ts';

/** What publishing needs: the store that the viewer reads, S3 or a folder. */
export interface ViewerPorts {
  readonly viewer: ObjectStore;
  readonly jpegOfPng: JpegOfPng;
}

/** A case in the viewer. */
export interface PublishedViewerCase {
  readonly id: string;
  readonly prefix: string;
  readonly meshes: number;
  readonly bytes: number;
}

const COPIED_AT_ONCE = 4;

/**
 * Puts a case into the viewer. Volume and meshes carry a part of their hash in their names; the manifest that names
 * them comes last, in one write. So a reader of the old manifest, or of the new one, finds all files that it names;
 * those that only the old one named go afterwards.
 *
 * @throws HpbError RESULT_NOT_FOUND, DOCUMENT_UNREADABLE as `folderOf`; what the store throws, the old case then
 * stands as it was.
 */
export async function publishCase(
  { viewer, jpegOfPng }: ViewerPorts,
  source: ViewerSource,
  naming: ViewerNaming,
): Promise<PublishedViewerCase> {
  const { id } = naming;
  const folder = await folderOf(source, naming, { hashedNames: true, jpegOfPng });
  const bytesOf = (from: string): number => source.files.find(({ name }) => name === from)!.bytes;
  await mapLimited(folder.copies, COPIED_AT_ONCE, async ({ from, name }) => {
    const key = viewerFileKey(id, name);
    // The same name is the same content; only a copy of another length is none.
    if ((await viewer.head(key))?.bytes === bytesOf(from)) return;
    await viewer.putStream(key, await source.stream(from));
  });
  const documents = [VIEWER_METADATA, VIEWER_MANIFEST];
  if (folder.thumbnail !== null) {
    await viewer.put(viewerFileKey(id, VIEWER_THUMBNAIL), folder.thumbnail);
    documents.push(VIEWER_THUMBNAIL);
  }
  await viewer.put(viewerFileKey(id, VIEWER_METADATA), folder.metadata);
  await viewer.put(viewerFileKey(id, VIEWER_MANIFEST), folder.manifest);
  await changeViewerIndex(viewer, id, folder.entry);
  const kept = new Set(
    [...documents, ...folder.copies.map(({ name }) => name)].map((name) => viewerFileKey(id, name)),
  );
  for (const { key } of await viewer.list(viewerCasePrefix(id))) if (!kept.has(key)) await viewer.remove(key);
  return {
    id,
    prefix: viewerCasePrefix(id),
    meshes: folder.copies.filter(({ name }) => name.endsWith('.vtp')).length,
    bytes: folder.copies.reduce((sum, { from }) => sum + bytesOf(from), 0),
  };
}
