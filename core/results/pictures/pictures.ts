import type { Triple } from '../../volume/statistics.ts';
import { spacingOf, type Affine, type Volume } from '../../volume/volume.ts';
import type { Metadata } from '../metadata-schema.ts';
import { colourOf, layersOf, roleOf, type CaseRuns, type Layer } from './layers.ts';
import { meshPicture } from './mesh-picture.ts';
import { planePicture, type PlaneScene } from './plane-picture.ts';
import { planeView, sliceOf, type PlaneView } from './plane-slice.ts';
import type { Window2d } from './plane-pixels.ts';
import { reduced, type Raster } from './raster.ts';
import { vesselProjection } from './vessel-projection.ts';
import type { Mesh } from '../../volume/meshes/mesh.ts';

/** What pictures of a case are made of. */
export interface PicturesInput {
  readonly ct: Volume;
  readonly masks: readonly CaseRuns[];
  /** Meshes of structures in the viewer's frame; without any there is no picture of them. */
  readonly meshes: readonly NamedMesh[];
  readonly metadata: Pick<Metadata, 'structures' | 'hpb' | 'demo'>;
}

/** The mesh of a structure: name and label as in metadata.json. */
export interface NamedMesh {
  readonly name: string;
  readonly label: number;
  readonly mesh: Mesh;
}

/** Pictures that a case may have, with what each shows. */
export const PICTURE_NAMES = ['axial', 'coronal', 'sagittal', 'vessels', 'surface', 'thumbnail'] as const;
export type PictureName = (typeof PICTURE_NAMES)[number];

/** One picture of a case. */
export interface Picture {
  readonly name: PictureName;
  readonly raster: Raster;
}

/** Path of a picture in the case package. */
export const pictureFile = (name: PictureName): string => `previews/${name}.png`;

/** Longest side of a picture, and of the thumbnail, pixels. */
const LONGEST = 720;
const THUMBNAIL = 180;
/** Never finer than this, mm a pixel, and no more pixels than so many along the shortest edge of a voxel. */
const FINEST = 0.3;
const PIXELS_PER_VOXEL = 4;
/** Of meshes, which are smoother than voxels. */
const SURFACE_PIXELS_PER_VOXEL = 8;
/** Shown around the body, and above and below the liver, mm. */
const BODY_MARGIN = 8;
const LIVER_MARGIN = 60;
const CLOSE_MARGIN = 15;
/** HU above which a voxel is body rather than air or a cushion. */
const BODY_HU = -400;

/**
 * Draws a case: three planes through the largest lesion, else through the middle of the liver, else of the scan; the
 * vessels projected; the meshes; a thumbnail. What cannot be drawn is left out. The same case gives the same pixels.
 */
export function drawPictures(input: PicturesInput): readonly Picture[] {
  const { ct, masks, meshes, metadata } = input;
  const layers = layersOf(masks).filter((layer) => isFound(metadata, layer));
  const scene: PlaneScene = { ct, layers, demo: metadata.demo };
  const focus = focusVoxel(input);
  const views = (['axial', 'coronal', 'sagittal'] as const).map((name) => planeView(name, ct.grid, focus));
  const windows = windowsOf(ct, views, metadata);
  const planes = views.map((view, at) => ({
    name: view.name,
    raster: planePicture(scene, view, windows[at]!),
  }));
  const coronal = views[1]!;
  const surfaces = meshes.map(({ name, label, mesh }) => ({
    mesh,
    colour: colourOf(name, label),
    clear: roleOf(name) === 'liver',
  }));
  const axial = planes[0]!.raster;
  const leastMmPerPixel = finestOf(ct.grid.affine, SURFACE_PIXELS_PER_VOXEL);
  const drawn: readonly { readonly name: PictureName; readonly raster: Raster | null }[] = [
    ...planes,
    { name: 'vessels', raster: vesselProjection(scene, coronal, liverWindow(coronal, metadata)) },
    {
      name: 'surface',
      raster: meshPicture({ surfaces, size: LONGEST, leastMmPerPixel, demo: metadata.demo }),
    },
    {
      name: 'thumbnail',
      raster: reduced(axial, Math.max(1, Math.ceil(Math.max(axial.width, axial.height) / THUMBNAIL))),
    },
  ];
  return drawn.flatMap(({ name, raster }) => (raster === null ? [] : [{ name, raster }]));
}

function isFound({ structures }: Pick<Metadata, 'structures'>, { name, label }: Layer): boolean {
  return structures.some((one) => one.name === name && one.label === label && one.voxels > 0);
}

/** The voxel that the planes go through. */
function focusVoxel({ ct, metadata }: PicturesInput): Triple {
  const { dims, affine } = ct.grid;
  const centreOf = (role: string): Triple | null =>
    largest(metadata.structures.filter(({ name }) => roleOf(name) === role))?.centroidMm ?? null;
  const lesion = largest(metadata.hpb.lesions ?? [])?.centroidMm ?? centreOf('tumour');
  const centre = lesion ?? centreOf('liver');
  return centre === null ? [dims[0] >> 1, dims[1] >> 1, dims[2] >> 1] : voxelOf(affine, centre);
}

function largest<T extends { readonly volumeMl: number }>(items: readonly T[]): T | null {
  return items.reduce<T | null>(
    (most, one) => (most === null || one.volumeMl > most.volumeMl ? one : most),
    null,
  );
}

/** Voxel index of a place in mm, for an affine without shear. */
function voxelOf(affine: Affine, mm: Triple): Triple {
  const spacing = spacingOf(affine);
  const along = (column: 0 | 1 | 2): number =>
    [0, 1, 2].reduce(
      (sum, row) => sum + affine[4 * row + column]! * (mm[row as 0 | 1 | 2] - affine[4 * row + 3]!),
      0,
    ) /
    spacing[column] ** 2;
  return [along(0), along(1), along(2)];
}

/** What each plane shows, all at one scale: the body from side to side, and the height of the liver. */
function windowsOf(
  ct: Volume,
  views: readonly PlaneView[],
  metadata: PicturesInput['metadata'],
): readonly Window2d[] {
  const cut = views.map((view) => bodyWindow(ct, view));
  const liver = metadata.structures.find(({ name, boundingBox }) => name === 'liver' && boundingBox !== null);
  const shown = cut.map((window, at) => {
    const view = views[at]!;
    return view.name === 'axial' || liver === undefined ? window : aroundLiver(window, view, liver);
  });
  const longest = Math.max(...shown.flatMap(({ width, height }) => [width, height]));
  const mmPerPixel = Math.max(finestOf(ct.grid.affine, PIXELS_PER_VOXEL), longest / LONGEST);
  return shown.map((window) => ({ ...window, mmPerPixel }));
}

/** A stretch of a side of a plane, mm. */
interface Span {
  readonly from: number;
  readonly length: number;
}

const finestOf = (affine: Affine, pixelsPerVoxel: number): number =>
  Math.max(FINEST, Math.min(...spacingOf(affine)) / pixelsPerVoxel);

type Part = Omit<Window2d, 'mmPerPixel'>;

/** The part of a plane that holds the body; all of it where nothing is. */
function bodyWindow({ data, slope, intercept }: Volume, view: PlaneView): Part {
  const { columns, rows, mmAcross, mmDown } = view;
  const inColumn = new Uint32Array(columns);
  const inRow = new Uint32Array(rows);
  const plane = sliceOf(view, data);
  for (let row = 0, at = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1, at += 1) {
      if (slope * plane[at]! + intercept < BODY_HU) continue;
      inColumn[column]! += 1;
      inRow[row]! += 1;
    }
  }
  const across = extent(inColumn, rows, mmAcross);
  const down = extent(inRow, columns, mmDown);
  return { left: across.from, width: across.length, top: down.from, height: down.length };
}

/** From the first to the last line that is body in more than a fiftieth of its length, with a margin, mm. */
function extent(counts: Uint32Array, length: number, mm: number): Span {
  const isBody = (count: number): boolean => count > length / 50;
  const first = counts.findIndex(isBody);
  if (first === -1) return { from: 0, length: counts.length * mm };
  const from = Math.max(0, first * mm - BODY_MARGIN);
  const to = Math.min(counts.length, counts.findLastIndex(isBody) + 1 + BODY_MARGIN / mm) * mm;
  return { from, length: to - from };
}

/** The liver from side to side and from top to bottom; the whole plane without one. */
function liverWindow(view: PlaneView, { structures }: PicturesInput['metadata']): Window2d {
  const box = structures.find(({ name }) => name === 'liver')?.boundingBox ?? null;
  const across = { axis: view.acrossAxis, count: view.columns, mm: view.mmAcross, flip: view.stepAcross < 0 };
  const down = { axis: view.downAxis, count: view.rows, mm: view.mmDown, flip: view.stepDown < 0 };
  const [x, y] = [across, down].map(({ axis, count, mm, flip }) => {
    const [min, max] = box === null ? [0, count - 1] : [box.min[axis], box.max[axis]];
    const first = flip ? count - 1 - max : min;
    const from = Math.max(0, first * mm - CLOSE_MARGIN);
    const to = Math.min(count * mm, (first + max - min + 1) * mm + CLOSE_MARGIN);
    return { from, length: to - from };
  }) as [Span, Span];
  const finest = Math.max(FINEST, Math.min(view.mmAcross, view.mmDown) / PIXELS_PER_VOXEL);
  const mmPerPixel = Math.max(finest, Math.max(x.length, y.length) / LONGEST);
  return { left: x.from, top: y.from, width: x.length, height: y.length, mmPerPixel };
}

function aroundLiver(window: Part, view: PlaneView, liver: Metadata['structures'][number]): Part {
  const { min, max } = liver.boundingBox!;
  const axis = view.downAxis;
  const [upper, lower] =
    view.stepDown < 0 ? [view.rows - 1 - max[axis], view.rows - 1 - min[axis]] : [min[axis], max[axis]];
  const top = Math.max(window.top, upper * view.mmDown - LIVER_MARGIN);
  const bottom = Math.min(window.top + window.height, (lower + 1) * view.mmDown + LIVER_MARGIN);
  return { ...window, top, height: Math.max(view.mmDown, bottom - top) };
}
