import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outputError } from '../adapters/file-error.ts';
import { readNifti } from '../adapters/nifti-file.ts';
import {
  casesOf,
  openResultPackage,
  type PackagedCaseFiles,
  type ResultPackage,
} from '../adapters/result-package.ts';
import { HpbError } from '../core/errors.ts';
import { MODEL_IDS, modelEntry, type ModelId } from '../core/models/catalogue.ts';
import { metadataSchema, type Metadata } from '../core/results/metadata-schema.ts';
import { compareLabels, type LabelComparison } from '../core/volume/compare-labels.ts';
import { affinesAgree } from '../core/volume/orientation.ts';
import type { LabelMap } from '../core/volume/volume.ts';

/** How a structure differs between two results. */
export interface StructureDiff extends LabelComparison {
  /** Folder of the case in a batch; null between two single cases. */
  readonly case: string | null;
  readonly model: ModelId;
  readonly structure: string;
}

/** What two results have in common, and the cases, masks and structures that only one of them has. */
export interface ResultDiff {
  readonly structures: readonly StructureDiff[];
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
}

const MOST_MASK_BYTES = 2 ** 31;

/**
 * Compares the masks of two result ZIPs or folders, case by case and structure by structure; structures that are in
 * neither are left out, and what was not among the masks given for one of them is not taken for an empty structure.
 *
 * @throws HpbError INPUT_*, RESULT_UNREADABLE, NIFTI_*; MASK_GRID_MISMATCH when masks lie on different grids.
 */
export async function diffResults(pathA: string, pathB: string): Promise<ResultDiff> {
  const open: ResultPackage[] = [];
  const scratch = await mkdtemp(join(tmpdir(), 'hpb-diff-'));
  try {
    for (const path of [pathA, pathB]) open.push(await openResultPackage(path));
    return await diffPackages(open as [ResultPackage, ResultPackage], scratch);
  } finally {
    for (const one of open) one.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function diffPackages(
  packages: readonly [ResultPackage, ResultPackage],
  scratch: string,
): Promise<ResultDiff> {
  const [casesA, casesB] = packages.map(casesOf) as [PackagedCaseFiles[], PackagedCaseFiles[]];
  const found: CaseDiff = { structures: [], onlyInA: [], onlyInB: [] };
  for (const a of casesA) {
    // Two single cases are compared whatever they are called.
    const b = casesB.find(({ folder }) => folder === a.folder);
    if (b === undefined) found.onlyInA.push(a.folder);
    else await diffCase(found, [a, b], { packages, scratch });
  }
  found.onlyInB.push(
    ...casesB.flatMap(({ folder }) => (casesA.some((a) => a.folder === folder) ? [] : [folder])),
  );
  return found;
}

/** A result that is being gathered. */
type CaseDiff = Readonly<Record<'onlyInA' | 'onlyInB', string[]>> & { readonly structures: StructureDiff[] };

async function diffCase(
  { structures, onlyInA, onlyInB }: CaseDiff,
  [a, b]: readonly [PackagedCaseFiles, PackagedCaseFiles],
  { packages, scratch }: { readonly packages: readonly ResultPackage[]; readonly scratch: string },
): Promise<void> {
  const { folder } = a;
  const sought = await Promise.all(packages.map((one) => soughtIn(one, folder)));
  for (const model of MODEL_IDS) {
    const path = folder + modelEntry(model).output;
    const [inA, inB] = [a, b].map(({ names }) => names.includes(modelEntry(model).output));
    if (inA !== inB) (inA ? onlyInA : onlyInB).push(path);
    if (!inA || !inB) continue;
    const masks = await Promise.all(packages.map((one) => readMask(one, path, scratch)));
    for (const one of diffMasks(model, masks as [LabelMap, LabelMap])) {
      const [ofA, ofB] = sought.map((isSought) => isSought(model, one.structure));
      if (ofA && ofB) structures.push({ case: folder === '' ? null : folder.slice(0, -1), ...one });
      else (ofA ? onlyInA : onlyInB).push(`${path}: ${one.structure}`);
    }
  }
}

/** Whether anything has looked for a structure in a case: not where other masks than of it were given. */
async function soughtIn(
  one: ResultPackage,
  folder: string,
): Promise<(model: ModelId, structure: string) => boolean> {
  const given = new Map<ModelId, readonly string[]>();
  for (const { id, engineCall } of await modelsIn(one, folder))
    if (engineCall.engine === 'given')
      given.set(
        id,
        engineCall.masks.flatMap(({ structures }) => structures),
      );
  return (model, structure) => given.get(model)?.includes(structure) ?? true;
}

/** None where metadata.json is of another version. */
async function modelsIn(one: ResultPackage, folder: string): Promise<Metadata['provenance']['models']> {
  try {
    const metadata = JSON.parse((await one.read(`${folder}metadata.json`)).toString('utf8'));
    return metadataSchema.safeParse(metadata).data?.provenance.models ?? [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

async function readMask(one: ResultPackage, name: string, scratch: string): Promise<LabelMap> {
  const path = join(scratch, randomUUID());
  try {
    await writeFile(path, await one.read(name, MOST_MASK_BYTES));
    const { grid, data } = await readNifti(path);
    if (data instanceof Uint8Array) return { grid, data };
  } catch (error) {
    throw error instanceof HpbError ? error : outputError(error);
  } finally {
    await rm(path, { force: true });
  }
  throw new HpbError('MASK_NOT_LABELS', 'A mask of the result holds no bytes.', {
    remedy: 'Check the result with `hpb verify`.',
  });
}

function diffMasks(model: ModelId, [a, b]: readonly [LabelMap, LabelMap]): Omit<StructureDiff, 'case'>[] {
  if (a.grid.dims.join() !== b.grid.dims.join() || !affinesAgree(a.grid, b.grid.affine))
    throw new HpbError(
      'MASK_GRID_MISMATCH',
      `The masks of ${model} lie on different grids: ${a.grid.dims.join(' x ')} and ${b.grid.dims.join(' x ')} voxels.`,
      { remedy: 'Compare results of the same CT.', details: { model } },
    );
  const present = new Set([...presentIn(a), ...presentIn(b)]);
  return Object.entries(modelEntry(model).labels).flatMap(([text, structure]) => {
    const label = Number(text);
    return present.has(label) ? [{ model, structure, ...compareLabels(a, b, [label, label]) }] : [];
  });
}

function presentIn({ data }: LabelMap): ReadonlySet<number> {
  const seen = new Uint8Array(256);
  for (const label of data) seen[label] = 1;
  return new Set(Array.from(seen.keys()).filter((label) => seen[label] === 1));
}
