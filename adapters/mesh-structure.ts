import { deflateSync, gzipSync } from 'node:zlib';
import { mz3File } from '../core/results/mz3.ts';
import { vtpFile } from '../core/results/vtp.ts';
import type { LabelRuns } from '../core/volume/label-runs.ts';
import { cropLabel } from '../core/volume/meshes/label-crop.ts';
import { movedMesh } from '../core/volume/meshes/mesh.ts';
import { structureMesh, type StructureMesh } from '../core/volume/meshes/structure-mesh.ts';
import { viewerFrameOf } from '../core/volume/meshes/viewer-frame.ts';
import type { Triple } from '../core/volume/statistics.ts';
import type { Grid } from '../core/volume/volume.ts';
import { meshSimplifier } from './mesh-simplify.ts';

/** One label to be meshed. */
export interface MeshOrder {
  readonly grid: Grid;
  /** The labels of a mask on it. */
  readonly runs: LabelRuns;
  readonly label: number;
  /** Voxel indices, both ends inclusive. */
  readonly box: { readonly min: Triple; readonly max: Triple };
  /** Whether an MZ3 file is wanted. */
  readonly mz3: boolean;
}

/** A mesh with the files made of it. */
export interface MeshedStructure extends StructureMesh {
  /** In mm of the viewer's frame. */
  readonly vtp: Uint8Array;
  /** In RAS+ mm, gzipped; null when it is not wanted. */
  readonly mz3: Uint8Array | null;
}

/** Coordinates hardly compress: the default level takes a quarter longer for one percent. */
const FAST = { level: 1 };

/** Meshes one label and writes its files; the same label gives the same bytes. */
export async function meshStructure({ grid, runs, label, box, mz3 }: MeshOrder): Promise<MeshedStructure> {
  const frame = viewerFrameOf(grid);
  const meshed = structureMesh(cropLabel(runs, label, box), frame, await meshSimplifier());
  const vtp = Buffer.concat(await vtpFile(meshed.mesh, async (bytes) => [deflateSync(bytes, FAST)]));
  const compressedMz3 = (): Uint8Array => own(gzipSync(mz3File(movedMesh(meshed.mesh, frame.toWorld)), FAST));
  return { ...meshed, vtp: own(vtp), mz3: mz3 ? compressedMz3() : null };
}

/** In a buffer of its own, so that it can be handed from thread to thread. */
const own = (bytes: Buffer): Uint8Array => Uint8Array.from(bytes);
