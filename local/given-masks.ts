import { basename } from 'node:path';
import type { Compute } from '../adapters/compute-pool.ts';
import { readNifti, type NiftiFile } from '../adapters/nifti-file.ts';
import { HpbError } from '../core/errors.ts';
import { MODEL_IDS, modelEntry, type ModelId } from '../core/models/catalogue.ts';
import type { GivenMasks } from '../core/results/metadata-schema.ts';
import { affinesAgree } from '../core/volume/orientation.ts';
import type { Grid, LabelMap } from '../core/volume/volume.ts';

/** A mask file of any tool, and what is in it. */
export interface GivenMask {
  readonly path: string;
  /** The one structure that it holds; null for what its name says. */
  readonly structure: string | null;
  /** The value that stands for it; null where only one value is there. */
  readonly value: number | null;
}

/** Masks from elsewhere as one of our models would have written them. */
export interface GivenModel {
  readonly model: ModelId;
  readonly mask: LabelMap;
  readonly call: GivenMasks;
}

/** What reading masks needs beside their files. */
export interface ReadTools {
  readonly compute: Compute;
  readonly signal: AbortSignal;
}

/** Models in the order in which a structure's name is looked up. */
const LOOKED_UP: readonly ModelId[] = [
  'liver',
  'task008',
  ...MODEL_IDS.filter((id) => id !== 'liver' && id !== 'task008'),
];

/** Label of a model by value in the file. */
interface Meaning {
  readonly model: ModelId;
  /** Value in the file -> label of the model; null: every value but 0 is `label`. */
  readonly labels: Readonly<Record<number, string>> | null;
  readonly label: number;
}

/**
 * Reads masks onto the grid of a CT and sorts them by model. A file is known by `structure`, or by its name: that of a
 * mask of ours (`task008.nii.gz`), or of a structure (`spleen.nii.gz`, as TotalSegmentator writes them). Where structures
 * of one model overlap, the later file lies over the earlier.
 *
 * @throws HpbError USAGE for a file whose content nobody tells, or two that are called alike, MASK_GRID_MISMATCH, MASK_NOT_LABELS, NIFTI_*, INPUT_*, CANCELLED.
 */
export async function readGivenMasks(
  given: readonly GivenMask[],
  grid: Grid,
  tools: ReadTools,
): Promise<readonly GivenModel[]> {
  requireNamedOnce(given);
  const models = new Map<ModelId, GivenModel>();
  for (const one of given) {
    const meaning = meaningOf(one);
    const file = await readNifti(one.path, { shared: true, signal: tools.signal });
    requireGrid(file, grid, basename(one.path));
    const { model } = meaning;
    const known = models.get(model) ?? emptyModel(model, grid);
    const structures = await painted(known.mask.data, file, { ...one, meaning, ...tools });
    const masks = [...known.call.masks, { sha256: file.sha256, bytes: file.fileBytes, structures }];
    models.set(model, { ...known, call: { engine: 'given', masks } });
  }
  return MODEL_IDS.flatMap((model) => models.get(model) ?? []);
}

/** Two files of one name are two opinions on a structure, and both together are neither. */
function requireNamedOnce(given: readonly GivenMask[]): void {
  const names = given.flatMap(({ path, structure }) => (structure === null ? [nameOf(path)] : []));
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice === undefined) return;
  throw new HpbError('USAGE', `Two masks are called ${JSON.stringify(twice)}.`, {
    remedy: `Give one of them; or, where both together are meant, each as --label ${twice}=<file>.`,
  });
}

const nameOf = (path: string): string => basename(path).replace(/\.nii(\.gz)?$/i, '');

function emptyModel(model: ModelId, grid: Grid): GivenModel {
  const [nx, ny, nz] = grid.dims;
  const data = new Uint8Array(new SharedArrayBuffer(nx * ny * nz));
  return { model, mask: { grid, data }, call: { engine: 'given', masks: [] } };
}

function meaningOf({ path, structure }: GivenMask): Meaning {
  const name = structure ?? nameOf(path);
  const model = MODEL_IDS.find((id) => modelEntry(id).output === `${name}.nii.gz`);
  if (structure === null && model !== undefined) {
    const { labels } = modelEntry(model);
    const single = Object.keys(labels).length === 1;
    return { model, labels: single ? null : labels, label: 1 };
  }
  for (const id of LOOKED_UP) {
    const found = Object.entries(modelEntry(id).labels).find(([, known]) => known === name);
    if (found !== undefined) return { model: id, labels: null, label: Number(found[0]) };
  }
  throw new HpbError('USAGE', `Nobody says which structure ${JSON.stringify(name)} is.`, {
    remedy:
      'Say it with --label <structure>=<file>[:value], a structure of docs/reference/models.md such as liver, hepatic_vessels, liver_tumors or spleen.',
  });
}

function requireGrid({ grid: own }: NiftiFile, grid: Grid, name: string): void {
  const [got, expected] = [own.dims.join(' x '), grid.dims.join(' x ')];
  const why =
    got !== expected
      ? `has ${got} voxels, the CT ${expected}`
      : affinesAgree(grid, own.affine)
        ? null
        : 'lies elsewhere in space than the CT';
  if (why === null) return;
  throw new HpbError('MASK_GRID_MISMATCH', `The mask ${JSON.stringify(name)} ${why}.`, {
    remedy: 'Give masks on the grid of this CT: resample them with the tool that made them.',
    details: { dims: own.dims },
  });
}

/** Writes the structures of a file into the mask of their model; returns the names of what it tells of. */
async function painted(
  target: Uint8Array,
  { grid, data, slope, intercept }: NiftiFile,
  { path, value, meaning, compute, signal }: GivenMask & ReadTools & { readonly meaning: Meaning },
): Promise<string[]> {
  const { model, labels, label } = meaning;
  const allowed = labels === null ? null : Object.keys(labels).map(Number);
  const painting = { target, source: { grid, data, slope, intercept }, value, allowed, label };
  const { values, refused } = await compute.run('paintLabels', painting, signal);
  if (refused !== null) throw noLabel(path, refused);
  if (labels !== null) return Object.values(labels);
  if (value === null && values.length > 1)
    throw notLabels(
      path,
      `holds ${values.length} values besides 0`,
      'Say which one is meant: --label <structure>=<file>:<value>.',
    );
  return [modelEntry(model).labels[label]!];
}

function noLabel(path: string, found: number): HpbError {
  if (!Number.isInteger(found) || found < 0)
    return notLabels(
      path,
      `holds the value ${found}, which is no label`,
      'Give label maps, not probabilities or images.',
    );
  return notLabels(
    path,
    `holds label ${found}, which its model does not have`,
    'Say what its values mean: --label <structure>=<file>:<value>, once for each.',
  );
}

function notLabels(path: string, what: string, remedy: string): HpbError {
  return new HpbError('MASK_NOT_LABELS', `The mask ${JSON.stringify(basename(path))} ${what}.`, { remedy });
}
