import { HpbError } from '../errors.ts';
import { viewerCasePrefix, viewerFileKey, type ViewerCaseId } from '../layout.ts';
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

/** Others that publish the same case meanwhile, at most. */
const TRIES = 5;

/**
 * Puts a case into the viewer. Volume and meshes carry a part of their hash in their names; the manifest that names
 * them comes last, in one write, which fails when somebody else has published the case meanwhile: then all begins
 * again. So a reader of the old manifest, or of the new one, finds all files that it names; those that only the old one
 * named go afterwards, as long as the new one stands.
 *
 * @throws HpbError RESULT_NOT_FOUND, DOCUMENT_UNREADABLE as `folderOf`; OBJECT_CHANGED when others publish the case all
 * the time; what the store throws, the old case then stands as it was.
 */
export async function publishCase(
  { viewer, jpegOfPng }: ViewerPorts,
  source: ViewerSource,
  naming: ViewerNaming,
): Promise<PublishedViewerCase> {
  const { id } = naming;
  const folder = await folderOf(source, naming, { hashedNames: true, jpegOfPng });
  const tag = await manifestPut(viewer, source, { id, folder });
  await changeViewerIndex(viewer, id, folder.entry);
  // Whoever published just before may have removed a file that both cases have.
  await copyMissing(viewer, source, { id, folder });
  await removeOthers(viewer, { id, folder, tag });
  return {
    id,
    prefix: viewerCasePrefix(id),
    meshes: folder.copies.filter(({ name }) => name.endsWith('.vtp')).length,
    bytes: folder.copies.reduce((sum, { from }) => sum + bytesOf(source, from), 0),
  };
}

interface ViewerCase {
  readonly id: ViewerCaseId;
  readonly folder: Awaited<ReturnType<typeof folderOf>>;
}

/** Writes all files, the manifest last; returns its tag. */
async function manifestPut(
  viewer: ObjectStore,
  source: ViewerSource,
  { id, folder }: ViewerCase,
): Promise<string> {
  const key = viewerFileKey(id, VIEWER_MANIFEST);
  for (let tries = 1; ; tries += 1) {
    const there = await viewer.head(key);
    await copyMissing(viewer, source, { id, folder });
    if (folder.thumbnail !== null) await viewer.put(viewerFileKey(id, VIEWER_THUMBNAIL), folder.thumbnail);
    await viewer.put(viewerFileKey(id, VIEWER_METADATA), folder.metadata);
    try {
      const condition = there === null ? { ifAbsent: true } : { ifTag: there.tag };
      return (await viewer.put(key, folder.manifest, condition)).tag;
    } catch (error) {
      const lost = error instanceof HpbError && ['OBJECT_EXISTS', 'OBJECT_CHANGED'].includes(error.code);
      if (!lost || tries >= TRIES) throw error;
    }
  }
}

async function copyMissing(
  viewer: ObjectStore,
  source: ViewerSource,
  { id, folder }: ViewerCase,
): Promise<void> {
  await mapLimited(folder.copies, COPIED_AT_ONCE, async ({ from, name }) => {
    const key = viewerFileKey(id, name);
    // The same name is the same content; only a copy of another length is none.
    if ((await viewer.head(key))?.bytes === bytesOf(source, from)) return;
    await viewer.putStream(key, await source.stream(from));
  });
}

/** Removes what the case does not name, and stops when another manifest stands. */
async function removeOthers(
  viewer: ObjectStore,
  { id, folder, tag }: ViewerCase & { readonly tag: string },
): Promise<void> {
  const documents = [
    VIEWER_METADATA,
    VIEWER_MANIFEST,
    ...(folder.thumbnail === null ? [] : [VIEWER_THUMBNAIL]),
  ];
  const kept = [...documents, ...folder.copies.map(({ name }) => name)].map((name) =>
    viewerFileKey(id, name),
  );
  for (const { key } of await viewer.list(viewerCasePrefix(id))) {
    if (kept.includes(key)) continue;
    if ((await viewer.head(viewerFileKey(id, VIEWER_MANIFEST)))?.tag !== tag) return;
    await viewer.remove(key);
  }
}

const bytesOf = ({ files }: ViewerSource, from: string): number =>
  files.find(({ name }) => name === from)!.bytes;
