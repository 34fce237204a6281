import { viewerFileKey, type ViewerCaseId } from '../layout.ts';
import { measuresInWords } from './learnhpb-notes.ts';
import { displayName, structureOfMeshFile, VOLUME_FILE } from './meshed-structures.ts';
import { DEMO_NOTICE, NOT_A_MEDICAL_DEVICE } from './notices.ts';
import type { Metadata } from './metadata-schema.ts';
import { stableJson } from './stable-json.ts';

/** A finished case that goes to the LearnHPB viewer. */
export interface ViewerCaseInput {
  readonly id: ViewerCaseId;
  /** Shown to the reader; never the name of a patient. */
  readonly title: string;
  /** Unix seconds. */
  readonly timestamp: number;
  readonly metadata: Metadata;
  /** Files of the case package. */
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
  readonly hasThumbnail: boolean;
  /**
   * Puts a part of each file's hash into its name, so that a case that is published again never changes a file that
   * readers of the old manifest are about to fetch.
   */
  readonly hashedNames: boolean;
}

/** The folder of a case as the viewer reads it. */
export interface ViewerFolder {
  /** Files of the package with their names in the folder. */
  readonly copies: readonly { readonly from: string; readonly name: string }[];
  /** `manifest.json` for the viewer. */
  readonly manifest: string;
  /** `metadata.json` for the second reader: a document of its own, not that of the package. */
  readonly metadata: string;
  /** Entry of `meta/cases.json`. */
  readonly entry: ViewerIndexEntry;
}

/** A case in `meta/cases.json`. */
export interface ViewerIndexEntry {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly difficulty: string;
  /** Folder without a slash at its end. */
  readonly path: string;
  readonly thumbnail?: string;
}

/** File names of the folder that do not depend on the case. */
export const VIEWER_MANIFEST = 'manifest.json';
export const VIEWER_METADATA = 'metadata.json';
export const VIEWER_THUMBNAIL = 'thumbnail.jpg';

const FOCUS = 'Liver, hepatic vessels and liver tumours';
const HASH_LETTERS = 8;

/** What the folder of a case for the LearnHPB viewer holds. Volume and meshes share one frame (`ViewerFrame`). */
export function viewerFolder(input: ViewerCaseInput): ViewerFolder {
  const { id, title, timestamp, metadata, files } = input;
  const nameOf = (stem: string, sha256: string, ending: string): string =>
    `${id}_${stem}${input.hashedNames ? `-${sha256.slice(0, HASH_LETTERS)}` : ''}${ending}`;
  const meshes = files.flatMap(({ name: from, sha256 }) => {
    const structure = structureOfMeshFile(from);
    return structure === null
      ? []
      : [{ from, structure, name: `segmentations/${nameOf(structure, sha256, '.vtp')}` }];
  });
  const volumes = files
    .filter(({ name }) => name === VOLUME_FILE)
    .map(({ name: from, sha256 }) => ({ from, name: nameOf('ct', sha256, '_volume.vti') }));
  const { grid, demo } = metadata;
  const notes = [...measuresInWords(metadata), ...(demo ? [DEMO_NOTICE] : []), NOT_A_MEDICAL_DEVICE];
  const [volume] = volumes;
  const manifest = {
    case_id: id,
    title,
    focus: FOCUS,
    timestamp,
    ...(volume && { volume: volume.name }),
    meshes: Object.fromEntries(meshes.map(({ structure, name }) => [structure, name])),
    segmentations: meshes.map(({ structure, name }) => ({
      output: name,
      display_name: displayName(structure),
    })),
    documents: [],
    metadata: {
      voxels: grid.dims.join(' x '),
      spacing: `${grid.spacingMm.map((mm) => Math.round(mm * 1000) / 1000).join(' x ')} mm`,
      notes: notes.join(' '),
    },
  };
  return {
    copies: [...meshes, ...volumes].map(({ from, name }) => ({ from, name })),
    manifest: stableJson(manifest),
    metadata: stableJson(secondMetadata(input, { meshes, volume: volume?.name, notes })),
    entry: indexEntry(input, summaryOf(notes)),
  };
}

function secondMetadata(
  { id, title, metadata, hasThumbnail }: ViewerCaseInput,
  found: {
    readonly meshes: readonly { readonly structure: string; readonly name: string }[];
    readonly volume: string | undefined;
    readonly notes: readonly string[];
  },
): object {
  const assets = {
    manifest: VIEWER_MANIFEST,
    ...(found.volume !== undefined && { volume: found.volume }),
    ...Object.fromEntries(found.meshes.map(({ structure, name }) => [structure, name])),
    ...(hasThumbnail && { thumbnail: VIEWER_THUMBNAIL }),
  };
  const figures = Object.entries(metadata.hpb).filter(([, value]) => typeof value === 'number');
  return {
    id,
    title,
    summary: summaryOf(found.notes),
    description: found.notes.join(' '),
    tags: tagsOf(metadata),
    assets,
    notes: Object.fromEntries(figures),
  };
}

function indexEntry(
  { id, title, metadata, hasThumbnail }: ViewerCaseInput,
  summary: string,
): ViewerIndexEntry {
  return {
    id,
    title,
    summary,
    tags: tagsOf(metadata),
    difficulty: 'unrated',
    path: viewerFileKey(id, '').slice(0, -1),
    ...(hasThumbnail && { thumbnail: viewerFileKey(id, VIEWER_THUMBNAIL) }),
  };
}

const summaryOf = (notes: readonly string[]): string => notes[0]!;

function tagsOf({ structures, demo, quality }: Metadata): string[] {
  const found = (names: readonly string[]): boolean =>
    structures.some(({ name, voxels }) => names.includes(name) && voxels > 0);
  return [
    'liver',
    ...(found(['hepatic_vessels', 'liver_vessels']) ? ['vessels'] : []),
    ...(found(['liver_tumors', 'liver_tumor']) ? ['tumour'] : []),
    `quality-${quality.verdict}`,
    ...(demo ? ['demo'] : []),
  ];
}
