import { squaredDistances } from './distance-map.ts';
import type { Dims, LabelMap } from './volume.ts';
import { spacingOf, voxelMl } from './volume.ts';

/** How much two masks of one structure are alike. */
export interface LabelComparison {
  /** ml, by voxels. */
  readonly volumesMl: readonly [number, number];
  /** 2 |A and B| / (|A| + |B|); null when both are empty. */
  readonly dice: number | null;
  /** Null when either is empty. */
  readonly surface: SurfaceDistances | null;
}

/**
 * Distances in mm between the surfaces of two masks, both ways together. The surface is every voxel of a mask with a
 * face that is not, the edge of the scan counting as outside; distances are between voxel centres (as MedPy has them).
 */
export interface SurfaceDistances {
  /** Mean over the surface voxels of both. */
  readonly meanMm: number;
  /** 95th percentile, linear between values as numpy has it. */
  readonly p95Mm: number;
  /** Hausdorff distance. */
  readonly mostMm: number;
}

/** Compares one label of a map with one of another on the same grid. */
export function compareLabels(
  a: LabelMap,
  b: LabelMap,
  [labelA, labelB]: readonly [number, number],
): LabelComparison {
  const ml = voxelMl(a.grid.affine);
  const counted = countBoth(a, b, [labelA, labelB]);
  const { voxelsA, voxelsB, common, box } = counted;
  const sum = voxelsA + voxelsB;
  const surface =
    voxelsA === 0 || voxelsB === 0
      ? null
      : surfaceDistances(
          surfaceIn(a, labelA, box),
          surfaceIn(b, labelB, box),
          sizeOf(box),
          spacingOf(a.grid.affine),
        );
  return {
    volumesMl: [voxelsA * ml, voxelsB * ml],
    dice: sum === 0 ? null : (2 * common) / sum,
    surface,
  };
}

/** Low and high voxel index along each axis, inclusive. */
interface Bounds {
  readonly low: [number, number, number];
  readonly high: [number, number, number];
}

interface Counted {
  readonly voxelsA: number;
  readonly voxelsB: number;
  readonly common: number;
  /** Of both together. */
  readonly box: Bounds;
}

function countBoth(a: LabelMap, b: LabelMap, [labelA, labelB]: readonly [number, number]): Counted {
  const [nx, ny, nz] = a.grid.dims;
  const box: Bounds = { low: [nx, ny, nz], high: [-1, -1, -1] };
  let [voxelsA, voxelsB, common] = [0, 0, 0];
  for (let k = 0, at = 0; k < nz; k += 1) {
    for (let j = 0; j < ny; j += 1) {
      for (let i = 0; i < nx; i += 1, at += 1) {
        const inA = a.data[at] === labelA;
        const inB = b.data[at] === labelB;
        if (!inA && !inB) continue;
        voxelsA += Number(inA);
        voxelsB += Number(inB);
        common += Number(inA && inB);
        widen(box, i, j, k);
      }
    }
  }
  return { voxelsA, voxelsB, common, box };
}

function widen({ low, high }: Bounds, ...voxel: readonly [number, number, number]): void {
  for (const axis of [0, 1, 2] as const) {
    if (voxel[axis] < low[axis]) low[axis] = voxel[axis];
    if (voxel[axis] > high[axis]) high[axis] = voxel[axis];
  }
}

const sizeOf = ({ low, high }: Bounds): Dims => [
  high[0] - low[0] + 1,
  high[1] - low[1] + 1,
  high[2] - low[2] + 1,
];

/** 1 for surface voxels of a label, cut to a box that holds all of it. */
function surfaceIn({ grid, data }: LabelMap, label: number, box: Bounds): Uint8Array {
  const [nx, ny, nz] = grid.dims;
  const [sx, sy, sz] = sizeOf(box);
  const out = new Uint8Array(sx * sy * sz);
  const isIn = (i: number, j: number, k: number): boolean =>
    i >= 0 && j >= 0 && k >= 0 && i < nx && j < ny && k < nz && data[i + nx * (j + ny * k)] === label;
  for (let z = 0, at = 0; z < sz; z += 1) {
    for (let y = 0; y < sy; y += 1) {
      for (let x = 0; x < sx; x += 1, at += 1) {
        const i = x + box.low[0];
        const j = y + box.low[1];
        const k = z + box.low[2];
        if (!isIn(i, j, k)) continue;
        const inner =
          isIn(i - 1, j, k) &&
          isIn(i + 1, j, k) &&
          isIn(i, j - 1, k) &&
          isIn(i, j + 1, k) &&
          isIn(i, j, k - 1);
        if (!inner || !isIn(i, j, k + 1)) out[at] = 1;
      }
    }
  }
  return out;
}

function surfaceDistances(
  a: Uint8Array,
  b: Uint8Array,
  dims: Dims,
  spacing: readonly [number, number, number],
): SurfaceDistances {
  const [toA, toB] = [squaredDistances(a, dims, spacing), squaredDistances(b, dims, spacing)];
  const found: number[] = [];
  for (let at = 0; at < a.length; at += 1) {
    if (a[at] === 1) found.push(Math.sqrt(toB[at]!));
    if (b[at] === 1) found.push(Math.sqrt(toA[at]!));
  }
  const sorted = Float64Array.from(found).sort();
  const place = 0.95 * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return {
    meanMm: sorted.reduce((sum, mm) => sum + mm, 0) / sorted.length,
    p95Mm: below + (above - below) * (place - Math.floor(place)),
    mostMm: sorted.at(-1)!,
  };
}
