import { z } from 'zod';
import { HpbError } from '../errors.ts';
import type { ViewerCaseId } from '../layout.ts';
import type { ObjectStore } from '../ports.ts';
import { viewerFolder, type ViewerFolder } from '../results/learnhpb-folder.ts';
import { VOLUME_FILE } from '../results/meshed-structures.ts';
import { metadataSchema } from '../results/metadata-schema.ts';
import type { CaseResult } from '../shard.ts';

/** A finished case package, wherever it lies. */
export interface ViewerSource {
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
  readonly read: (name: string) => Promise<Uint8Array>;
  readonly stream: (name: string) => Promise<AsyncIterable<Uint8Array>>;
}

/** Turns a PNG into a JPEG. */
export type JpegOfPng = (png: Uint8Array) => Uint8Array;

/** What a case is called in the viewer. */
export interface ViewerNaming {
  readonly id: ViewerCaseId;
  /** Never the name of a patient; default: the id. */
  readonly title?: string | undefined;
}

/** Picture of the package that the thumbnail is made of. */
const THUMBNAIL_SOURCE = 'previews/thumbnail.png';

const meta = z.object({ timestamp: z.number() });

/** The package of a case in a store, as its result.json names it. */
export function storedCase(
  store: Pick<ObjectStore, 'get' | 'stream'>,
  { files }: Pick<CaseResult, 'files'>,
): ViewerSource {
  const keyOf = (name: string): string => {
    const file = files.find((one) => one.name === name);
    if (file === undefined) throw incomplete(name);
    return file.key;
  };
  return {
    files,
    read: async (name) => store.get(keyOf(name)),
    stream: async (name) => store.stream(keyOf(name)),
  };
}

/**
 * The viewer's folder of a case package, and its thumbnail where the package has a picture for it.
 *
 * @throws HpbError RESULT_NOT_FOUND for a package without volume; DOCUMENT_UNREADABLE when its documents are not ours.
 */
export async function folderOf(
  source: ViewerSource,
  { id, title }: ViewerNaming,
  options: { readonly hashedNames: boolean; readonly jpegOfPng: JpegOfPng },
): Promise<ViewerFolder & { readonly thumbnail: Uint8Array | null }> {
  const has = (name: string): boolean => source.files.some((file) => file.name === name);
  for (const name of [VOLUME_FILE, 'metadata.json', 'meta.json']) if (!has(name)) throw incomplete(name);
  const thumbnail = has(THUMBNAIL_SOURCE) ? options.jpegOfPng(await source.read(THUMBNAIL_SOURCE)) : null;
  const folder = viewerFolder({
    id,
    title: title ?? id,
    timestamp: parsed(meta, await source.read('meta.json'), 'meta.json').timestamp,
    metadata: parsed(metadataSchema, await source.read('metadata.json'), 'metadata.json'),
    files: source.files,
    hasThumbnail: thumbnail !== null,
    hashedNames: options.hashedNames,
  });
  return { ...folder, thumbnail };
}

function parsed<T>(schema: z.ZodType<T>, bytes: Uint8Array, name: string): T {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new HpbError('DOCUMENT_UNREADABLE', `The ${name} of the case is not one of this version.`, {
      remedy: 'Segment the CT again with this version.',
      cause,
    });
  }
}

function incomplete(name: string): HpbError {
  return new HpbError('RESULT_NOT_FOUND', `The case package has no ${name}, which the viewer needs.`, {
    remedy: 'Give the results of `hpb segment` as they are, or segment the CT again with this version.',
    details: { name },
  });
}
