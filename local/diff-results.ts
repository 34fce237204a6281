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

/** What two results have in common, and the cases and masks that only one of them has. */
export interface ResultDiff {
  readonly structures: readonly StructureDiff[];
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
}

const MOST_MASK_BYTES = 2 ** 31;

/**
 * Compares the masks of two result ZIPs or folders, case by case and structure by structure; structures that are in
 * neither are left out.
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
  const structures: StructureDiff[] = [];
  const onlyInA: string[] = [];
  const onlyInB: string[] = [];
  for (const a of casesA) {
    // Two single cases are compared whatever they are called.
    const b = casesB.find(({ folder }) => folder === a.folder);
    if (b === undefined) {
      onlyInA.push(a.folder);
      continue;
    }
    for (const model of MODEL_IDS) {
      const { output } = modelEntry(model);
      const [inA, inB] = [a.names.includes(output), b.names.includes(output)];
      if (inA && !inB) onlyInA.push(a.folder + output);
      if (inB && !inA) onlyInB.push(a.folder + output);
      if (!inA || !inB) continue;
      const masks = await Promise.all(packages.map((one) => readMask(one, a.folder + output, scratch)));
      const found = diffMasks(model, masks as [LabelMap, LabelMap]);
      structures.push(
        ...found.map((one) => ({ case: a.folder === '' ? null : a.folder.slice(0, -1), ...one })),
      );
    }
  }
  onlyInB.push(...casesB.flatMap(({ folder }) => (casesA.some((a) => a.folder === folder) ? [] : [folder])));
  return { structures, onlyInA, onlyInB };
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
