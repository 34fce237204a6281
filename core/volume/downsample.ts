import type { LabelRuns } from './label-runs.ts';
import type { Affine, Dims, Grid, LabelMap, Volume } from './volume.ts';

/** Whole voxels of the source along each axis that become one. */
export type ShrinkFactors = readonly [number, number, number];

/** Range of HU that a shrunk CT keeps: what 12 bits of a scanner hold. */
const [LEAST_HU, MOST_HU] = [-1024, 3071];

/** A label takes a cell from this share on: half would lose vessels of one voxel. */
const LABEL_SHARE = 1 / 4;

/** The smallest factors after which no axis has more than `most` voxels. */
export function shrinkFactors(dims: Dims, most: number): ShrinkFactors {
  return [Math.ceil(dims[0] / most), Math.ceil(dims[1] / most), Math.ceil(dims[2] / most)];
}

/** The grid of the cells; each lies at the middle of its voxels, in the frame of the source (RAS+ mm). */
export function shrunkGrid({ dims, affine }: Grid, factors: ShrinkFactors): Grid {
  const row = (r: number): Affine => {
    const columns = factors.map((factor, c) => affine[4 * r + c]! * factor);
    const shift = factors.reduce((sum, factor, c) => sum + (affine[4 * r + c]! * (factor - 1)) / 2, 0);
    return [...columns, affine[4 * r + 3]! + shift];
  };
  const cells = dims.map((n, axis) => Math.ceil(n / factors[axis]!));
  return {
    dims: [cells[0]!, cells[1]!, cells[2]!],
    affine: [...row(0), ...row(1), ...row(2), 0, 0, 0, 1],
  };
}

/** The CT in HU, each cell the mean of its voxels, held within -1024 to 3071; what is no number counts as -1024. */
export function shrinkCt({
  ct,
  factors,
}: {
  readonly ct: Volume;
  readonly factors: ShrinkFactors;
}): Volume<Int16Array> {
  const grid = shrunkGrid(ct.grid, factors);
  const [nx] = grid.dims;
  const data = new Int16Array(nx * grid.dims[1] * grid.dims[2]);
  const { slope, intercept } = ct;
  const sums = new Float64Array(nx);
  forCellRows(ct.grid.dims, factors, (row, rows) => {
    sums.fill(0);
    for (const start of rows) addRow(sums, ct, { start, factor: factors[0] });
    for (let x = 0; x < nx; x++) {
      const width = Math.min(factors[0], ct.grid.dims[0] - x * factors[0]);
      const hu = (slope * sums[x]!) / (width * rows.length) + intercept;
      data[row + x] = hu >= LEAST_HU ? Math.min(MOST_HU, Math.round(hu)) : LEAST_HU;
    }
  });
  return { grid, data, slope: 1, intercept: 0 };
}

function addRow(
  sums: Float64Array,
  { data, grid }: Volume,
  { start, factor }: { readonly start: number; readonly factor: number },
): void {
  const [nx] = grid.dims;
  for (let at = 0, cell = 0, left = factor; at < nx; at++) {
    sums[cell]! += data[start + at]!;
    left -= 1;
    if (left > 0) continue;
    left = factor;
    cell += 1;
  }
}

/** A label map, as its runs, that is to be shrunk. */
export interface LabelsToShrink {
  readonly grid: Grid;
  readonly runs: LabelRuns;
  readonly factors: ShrinkFactors;
}

/**
 * The label map in cells: the commonest label where labels fill a quarter of the cell or more, else background; of two
 * that are as common, the higher. For looking at: surfaces move outwards by a quarter of a cell at most. No more voxels
 * than one layer of cells are held at a time.
 */
export function shrinkLabels({ grid: { dims, affine }, runs, factors }: LabelsToShrink): LabelMap {
  const grid = shrunkGrid({ dims, affine }, factors);
  const layerCells = grid.dims[0] * grid.dims[1];
  const data = new Uint8Array(layerCells * grid.dims[2]);
  for (let layer = 0; layer < grid.dims[2]; layer++) {
    const first = layer * factors[2];
    const depth = Math.min(factors[2], dims[2] - first);
    const voxels = {
      grid: { dims: [dims[0], dims[1], depth], affine },
      data: layerOf(runs, first, depth),
    } as const;
    shrinkLayer(voxels, factors, data.subarray(layer * layerCells, (layer + 1) * layerCells));
  }
  return { grid, data };
}

/** The voxels of some slices. */
function layerOf({ dims, firstOfRow, from, to, label }: LabelRuns, first: number, depth: number): Uint8Array {
  const [nx, ny] = dims;
  const voxels = new Uint8Array(nx * ny * depth);
  for (let row = 0; row < ny * depth; row++) {
    const end = firstOfRow[row + ny * first + 1]!;
    for (let run = firstOfRow[row + ny * first]!; run < end; run++)
      voxels.fill(label[run]!, row * nx + from[run]!, row * nx + to[run]! + 1);
  }
  return voxels;
}

function shrinkLayer(labels: LabelMap, factors: ShrinkFactors, cells: Uint8Array): void {
  const [nx] = labels.grid.dims;
  const width = Math.ceil(nx / factors[0]);
  const counts = new Uint16Array(256);
  const bits = { inAny: new Uint8Array(width), inAll: new Uint8Array(width) };
  forCellRows(labels.grid.dims, factors, (row, rows) => {
    gatherBits(bits, labels, { rows, factor: factors[0] });
    for (let x = 0; x < width; x++) {
      const any = bits.inAny[x]!;
      const all = bits.inAll[x]!;
      cells[row + x] = any;
      // The same in all voxels: nearly every cell.
      if (any === all) continue;
      const from = x * factors[0];
      cells[row + x] = commonest(labels.data, { rows, from, to: Math.min(from + factors[0], nx) }, counts);
    }
  });
}

/** What the labels of each cell have in common, bit by bit: both are the label where it is one. */
function gatherBits(
  { inAny, inAll }: { readonly inAny: Uint8Array; readonly inAll: Uint8Array },
  { data, grid }: LabelMap,
  { rows, factor }: { readonly rows: readonly number[]; readonly factor: number },
): void {
  inAny.fill(0);
  inAll.fill(0xff);
  const [nx] = grid.dims;
  for (const start of rows)
    for (let at = 0, cell = 0; at < nx; cell++) {
      const end = Math.min(at + factor, nx);
      let any = 0;
      let all = 0xff;
      for (; at < end; at++) {
        any |= data[start + at]!;
        all &= data[start + at]!;
      }
      inAny[cell] = inAny[cell]! | any;
      inAll[cell] = inAll[cell]! & all;
    }
}

interface Cell {
  /** Where the rows of its voxels start. */
  readonly rows: readonly number[];
  readonly from: number;
  readonly to: number;
}

/** `counts`: 256 zeros, and so it is left. */
function commonest(data: Uint8Array, { rows, from, to }: Cell, counts: Uint16Array): number {
  let filled = 0;
  let best = 0;
  for (const start of rows)
    for (let at = start + from; at < start + to; at++) {
      const label = data[at]!;
      if (label === 0) continue;
      filled += 1;
      const count = (counts[label] = counts[label]! + 1);
      if (count > counts[best]! || (count === counts[best]! && label > best)) best = label;
    }
  if (filled === 0) return 0;
  for (const start of rows) for (let at = start + from; at < start + to; at++) counts[data[at]!] = 0;
  return filled >= LABEL_SHARE * rows.length * (to - from) ? best : 0;
}

/** Calls back for every row of cells: where it starts, and where the rows of voxels in it start. */
function forCellRows(
  dims: Dims,
  [fx, fy, fz]: ShrinkFactors,
  visit: (row: number, rows: readonly number[]) => void,
): void {
  const [nx, ny, nz] = dims;
  const width = Math.ceil(nx / fx);
  let row = 0;
  for (let z = 0; z < nz; z += fz)
    for (let y = 0; y < ny; y += fy) {
      const rows: number[] = [];
      for (let k = z; k < Math.min(z + fz, nz); k++)
        for (let j = y; j < Math.min(y + fy, ny); j++) rows.push(nx * (j + ny * k));
      visit(row, rows);
      row += width;
    }
}
