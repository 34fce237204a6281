import type { Compute } from '../../adapters/compute-pool.ts';
import type { MeshedStructure } from '../../adapters/mesh-structure.ts';
import { modelEntry, type ModelId } from '../../core/models/catalogue.ts';
import {
  isMeshed,
  meshFile,
  patientMeshFile,
  SCENE_FILE,
  type MeshFormat,
} from '../../core/results/meshed-structures.ts';
import type { ModelRun } from '../../core/results/metadata.ts';
import type { StructureMeshFacts } from '../../core/results/metadata-schema.ts';
import { NOT_A_MEDICAL_DEVICE } from '../../core/results/notices.ts';
import { colourOf, roleOf } from '../../core/results/pictures/layers.ts';
import type { NamedMesh } from '../../core/results/pictures/pictures.ts';
import { rounded } from '../../core/results/stable-json.ts';
import { stlFile } from '../../core/results/stl.ts';
import { movedMesh } from '../../core/volume/meshes/mesh.ts';
import { viewerFrameOf } from '../../core/volume/meshes/viewer-frame.ts';
import type { LabelStatistics } from '../../core/volume/statistics.ts';
import type { LabelRuns } from '../../core/volume/label-runs.ts';
import type { Grid } from '../../core/volume/volume.ts';
import type { CaseContext } from '../case-context.ts';
import type { MeasuredCase } from './measure.ts';
import { written, type PackagedFile } from './written.ts';

/** A measured case with meshes: their files beside the masks, their facts in the runs. */
export interface MeshedCase extends MeasuredCase {
  /** In mm of the viewer's frame. */
  readonly meshes: readonly NamedMesh[];
  /** MZ3 files in RAS+ mm, if the page shows the case; no part of the package. */
  readonly shown: readonly PackagedFile[];
}

/** What meshing needs of a case. */
export interface MeshScratch {
  /** Folder that the files are written below. */
  readonly out: string;
  readonly compute: Compute;
  readonly cancel: AbortSignal;
  /** Format in which each mesh is written once more; null for none. */
  readonly format: MeshFormat | null;
  /** Whether the page may show the case. */
  readonly shown: boolean;
}

const shownFile = (name: string): string => `preview/${name}.mz3`;

/** 256 x 256 x 366: nothing waits in scans of 300 slices. */
const MOST_VOXELS_AT_ONCE = 24e6;

/** What meshing needs, of a case in the worker. */
export function meshScratchOf({ scratch, task, ports, cancel }: CaseContext): MeshScratch {
  const { compute, meshFormat } = ports;
  return { out: scratch.out, compute, cancel, format: task.meshes ?? meshFormat, shown: true };
}

/**
 * Makes a mesh of every structure of the liver and its surroundings that was found, and the scene of all. Where two
 * models found a structure of one name, the first keeps the name.
 *
 * @throws HpbError DISK_FULL, OUTPUT_UNWRITABLE, CANCELLED.
 */
export async function meshCase(
  scratch: MeshScratch,
  grid: Grid,
  measured: MeasuredCase,
): Promise<MeshedCase> {
  const orders = measured.runs.flatMap((run) => ordersOf(run, measured.masks));
  const results = await meshedInTurn(scratch, grid, orders);
  const made = new Map<string, MadeMesh>();
  const runs = measured.runs.map((run): ModelRun => {
    const facts = new Map<number, StructureMeshFacts>();
    for (const [at, { model, label, volumeMl }] of orders.entries()) {
      if (model !== run.model) continue;
      const meshed = results[at]!;
      facts.set(label, factsOf(meshed, volumeMl));
      const name = freeName(made, modelEntry(model).labels[label]!, model);
      made.set(name, { ...meshed, name, label });
    }
    return { ...run, meshes: facts };
  });
  const all = [...made.values()];
  const { format } = scratch;
  const write = (name: string, content: Uint8Array): Promise<PackagedFile> =>
    written(scratch.out, name, content);
  const files = await Promise.all(all.map(({ name, vtp }) => write(meshFile(name), vtp)));
  const shown = scratch.shown
    ? await Promise.all(all.map(({ name, mz3 }) => write(shownFile(name), mz3!)))
    : [];
  if (all.length > 0) files.push(await write(SCENE_FILE, await sceneOf(scratch, all, grid)));
  if (format !== null) files.push(...(await patientMeshes(format, all, { grid, write })));
  return { ...measured, runs, files: [...measured.files, ...files], meshes: all, shown };
}

interface MadeMesh extends NamedMesh, MeshedStructure {}

/** A structure to be meshed. */
interface StructureOrder {
  readonly model: ModelId;
  readonly runs: LabelRuns;
  readonly label: number;
  readonly box: LabelStatistics['boundingBox'];
  readonly volumeMl: number;
}

function ordersOf({ model, statistics }: ModelRun, masks: MeasuredCase['masks']): readonly StructureOrder[] {
  const { labels } = modelEntry(model);
  const { runs } = masks.find((one) => one.model === model)!;
  return [...statistics]
    .filter(([label]) => isMeshed(labels[label] ?? ''))
    .map(([label, { boundingBox: box, volumeMl }]) => ({ model, runs, label, box, volumeMl }));
}

/**
 * Meshes in threads, the large ones first, so that no thread is left alone with one at the end, and no more at a time
 * than `MOST_VOXELS_AT_ONCE`, for meshing takes 12 bytes a voxel of the box; results in order.
 */
async function meshedInTurn(
  { compute, cancel, format, shown }: MeshScratch,
  grid: Grid,
  orders: readonly StructureOrder[],
): Promise<readonly MeshedStructure[]> {
  const turns = orders.map((order, at) => ({ ...order, at, voxels: boxVoxels(order) }));
  turns.sort((a, b) => b.voxels - a.voxels);
  const results = Array.from<MeshedStructure>({ length: orders.length });
  const running = new Map<number, Promise<void>>();
  const hasRoom = (voxels: number): boolean =>
    running.size === 0 ||
    [...running.keys()].reduce((sum, at) => sum + boxVoxels(orders[at]!), voxels) <= MOST_VOXELS_AT_ONCE;
  const mz3 = shown || format === 'mz3';
  const mesh = async ({ runs, label, box, at }: (typeof turns)[number]): Promise<void> => {
    try {
      results[at] = await compute.run('meshStructure', { grid, runs, label, box, mz3 }, cancel);
    } finally {
      running.delete(at);
    }
  };
  try {
    for (const turn of turns) {
      while (!hasRoom(turn.voxels)) await Promise.race(running.values());
      running.set(turn.at, mesh(turn));
    }
    await Promise.all(running.values());
  } finally {
    await Promise.allSettled(running.values());
  }
  return results;
}

const boxVoxels = ({ box: { min, max } }: StructureOrder): number =>
  min.reduce((product, low, axis) => product * (max[axis]! - low + 1), 1);

const freeName = (made: ReadonlyMap<string, unknown>, name: string, model: ModelId): string =>
  made.has(name) ? `${model}_${name}` : name;

function factsOf({ facts }: MeshedStructure, volumeMl: number): StructureMeshFacts {
  return {
    triangles: facts.triangles,
    closed: facts.closed,
    nonManifoldEdges: facts.nonManifoldEdges,
    volumeMl: rounded(facts.volumeMl, 3),
    volumeDifferencePercent: rounded(100 * (facts.volumeMl / volumeMl - 1), 2),
  };
}

/** In a thread: a scene of many meshes takes longer than the main thread may be held. */
function sceneOf(
  { compute, cancel }: MeshScratch,
  meshes: readonly NamedMesh[],
  grid: Grid,
): Promise<Uint8Array> {
  const { toWorld } = viewerFrameOf(grid);
  const scene = meshes.map(({ name, label, mesh }) => ({
    name,
    colour: colourOf(name, label),
    clear: roleOf(name) === 'liver',
    mesh: movedMesh(mesh, toWorld),
  }));
  return compute.run('sceneFile', { meshes: scene, notice: NOT_A_MEDICAL_DEVICE }, cancel);
}

type Write = (name: string, content: Uint8Array) => Promise<PackagedFile>;

/** The meshes as other programs read them. */
function patientMeshes(
  format: MeshFormat,
  meshes: readonly MadeMesh[],
  { grid, write }: { readonly grid: Grid; readonly write: Write },
): Promise<readonly PackagedFile[]> {
  const { toWorld } = viewerFrameOf(grid);
  const content = ({ mesh, mz3 }: MadeMesh): Uint8Array =>
    format === 'mz3' ? mz3! : stlFile(movedMesh(mesh, toWorld));
  return Promise.all(meshes.map((one) => write(patientMeshFile(one.name, format), content(one))));
}
