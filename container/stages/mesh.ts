import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import type { Compute } from '../../adapters/compute-pool.ts';
import { outputError } from '../../adapters/file-error.ts';
import { glbFile } from '../../adapters/glb.ts';
import type { MeshedStructure } from '../../adapters/mesh-structure.ts';
import { readNifti } from '../../adapters/nifti-file.ts';
import type { ZipMember } from '../../adapters/zip-archive.ts';
import { modelEntry, type ModelId } from '../../core/models/catalogue.ts';
import {
  isMeshed,
  meshFile,
  patientMeshFile,
  SCENE_FILE,
  VOLUME_FILE,
  type MeshFormat,
} from '../../core/results/meshed-structures.ts';
import type { ModelRun } from '../../core/results/metadata.ts';
import type { StructureMeshFacts } from '../../core/results/metadata-schema.ts';
import { NOT_A_MEDICAL_DEVICE } from '../../core/results/notices.ts';
import { colourOf, roleOf } from '../../core/results/pictures/layers.ts';
import type { NamedMesh } from '../../core/results/pictures/pictures.ts';
import { rounded } from '../../core/results/stable-json.ts';
import { stlFile } from '../../core/results/stl.ts';
import { vtiFile } from '../../core/results/vti.ts';
import { movedMesh } from '../../core/volume/meshes/mesh.ts';
import { viewerFrameOf } from '../../core/volume/meshes/viewer-frame.ts';
import type { LabelStatistics } from '../../core/volume/statistics.ts';
import type { Grid, LabelMap, Volume } from '../../core/volume/volume.ts';
import type { MeasuredCase } from './measure.ts';

/** A measured case with meshes: their files beside the masks, their facts in the runs. */
export interface MeshedCase extends MeasuredCase {
  /** In mm of the viewer's frame. */
  readonly meshes: readonly NamedMesh[];
  /** MZ3 files in RAS+ mm for the page; no part of the package. */
  readonly shown: readonly ZipMember[];
}

/** What meshing needs of a case. */
export interface MeshScratch {
  /** Folder that the files are written below. */
  readonly out: string;
  readonly compute: Compute;
  readonly cancel: AbortSignal;
  /** Format in which each mesh is written once more; null for none. */
  readonly format: MeshFormat | null;
}

const compress = promisify(deflate);
const VOLUME_LEVEL = 1;

/**
 * Makes a mesh of every structure of the liver and its surroundings that was found, the scene of all, and the volume
 * for the viewer. Where two models found a structure of one name, the first keeps the name.
 *
 * @throws HpbError DISK_FULL, OUTPUT_UNWRITABLE, CANCELLED.
 */
export async function meshCase(
  scratch: MeshScratch,
  ct: Volume,
  measured: MeasuredCase,
): Promise<MeshedCase> {
  const made = new Map<string, MadeMesh>();
  const runs: ModelRun[] = [];
  for (const run of measured.runs) {
    const path = measured.files.find(({ name }) => name === modelEntry(run.model).output)!.path;
    runs.push({ ...run, meshes: await meshRun(scratch, { run, path, grid: ct.grid, made }) });
  }
  const all = [...made.values()];
  const write = (name: string, content: Content): Promise<ZipMember> => written(scratch.out, name, content);
  const files = await Promise.all(all.map(({ name, vtp }) => write(meshFile(name), vtp)));
  const shown = await Promise.all(all.map(({ name, mz3 }) => write(`preview/${name}.mz3`, mz3)));
  if (all.length > 0) files.push(await write(SCENE_FILE, await sceneOf(all, ct.grid)));
  if (scratch.format !== null)
    files.push(...(await patientMeshes(scratch.format, all, { grid: ct.grid, write })));
  const volume = await vtiFile(ct, (bytes) => compress(bytes, { level: VOLUME_LEVEL }));
  files.push(await write(VOLUME_FILE, volume));
  return { ...measured, runs, files: [...measured.files, ...files], meshes: all, shown };
}

interface MadeMesh extends NamedMesh, MeshedStructure {}

interface RunToMesh {
  readonly run: ModelRun;
  readonly path: string;
  readonly grid: Grid;
  /** By name, in the order in which they were made; added to. */
  readonly made: Map<string, MadeMesh>;
}

async function meshRun(
  { compute, cancel }: MeshScratch,
  { run, path, grid, made }: RunToMesh,
): Promise<ReadonlyMap<number, StructureMeshFacts>> {
  const { labels } = modelEntry(run.model);
  const found = [...run.statistics].filter(([label]) => isMeshed(labels[label] ?? ''));
  const facts = new Map<number, StructureMeshFacts>();
  if (found.length === 0) return facts;
  const mask: LabelMap = {
    grid,
    data: (await readNifti(path, { shared: true, signal: cancel })).data as Uint8Array,
  };
  const all = await Promise.all(
    found.map(([label, { boundingBox: box }]) => compute.run('meshStructure', { mask, label, box }, cancel)),
  );
  for (const [at, [label, statistics]] of found.entries()) {
    const meshed = all[at]!;
    facts.set(label, factsOf(meshed, statistics));
    const name = freeName(made, labels[label]!, run.model);
    made.set(name, { ...meshed, name, label });
  }
  return facts;
}

const freeName = (made: ReadonlyMap<string, unknown>, name: string, model: ModelId): string =>
  made.has(name) ? `${model}_${name}` : name;

function factsOf({ facts }: MeshedStructure, { volumeMl }: LabelStatistics): StructureMeshFacts {
  return {
    triangles: facts.triangles,
    closed: facts.closed,
    nonManifoldEdges: facts.nonManifoldEdges,
    volumeMl: rounded(facts.volumeMl, 3),
    volumeDifferencePercent: rounded(100 * (facts.volumeMl / volumeMl - 1), 2),
  };
}

function sceneOf(meshes: readonly NamedMesh[], grid: Grid): Promise<Uint8Array> {
  const { toWorld } = viewerFrameOf(grid);
  const scene = meshes.map(({ name, label, mesh }) => ({
    name,
    colour: colourOf(name, label),
    clear: roleOf(name) === 'liver',
    mesh: movedMesh(mesh, toWorld),
  }));
  return glbFile(scene, NOT_A_MEDICAL_DEVICE);
}

/** The meshes as other programs read them. */
function patientMeshes(
  format: MeshFormat,
  meshes: readonly MadeMesh[],
  {
    grid,
    write,
  }: { readonly grid: Grid; readonly write: (name: string, content: Content) => Promise<ZipMember> },
): Promise<readonly ZipMember[]> {
  const { toWorld } = viewerFrameOf(grid);
  const content = ({ mesh, mz3 }: MadeMesh): Uint8Array =>
    format === 'mz3' ? mz3 : stlFile(movedMesh(mesh, toWorld));
  return Promise.all(meshes.map((one) => write(patientMeshFile(one.name, format), content(one))));
}

type Content = Uint8Array | readonly Uint8Array[];

async function written(folder: string, name: string, content: Content): Promise<ZipMember> {
  const path = join(folder, name);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content instanceof Uint8Array ? content : [...content]);
  } catch (error) {
    throw outputError(error);
  }
  return { name, path };
}
