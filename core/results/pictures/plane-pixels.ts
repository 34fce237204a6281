import type { PlaneView } from './plane-slice.ts';

/** The part of a plane that a picture shows, mm from the plane's top left edge, and how fine. */
export interface Window2d {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly mmPerPixel: number;
}

/** Places of pixels of a picture among the voxels of a plane: for each column or row its two voxels and the share of the second. */
interface Places {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly share: Float32Array;
}

/** How a picture takes its pixels from a plane: by the four voxels around each, so that voxels of any shape come out right. */
export class PlanePixels {
  readonly width: number;
  readonly height: number;
  readonly #columns: number;
  readonly #across: Places;
  readonly #down: Places;

  constructor(view: Pick<PlaneView, 'columns' | 'rows' | 'mmAcross' | 'mmDown'>, shown: Window2d) {
    const { mmPerPixel } = shown;
    this.width = Math.max(1, Math.round(shown.width / mmPerPixel));
    this.height = Math.max(1, Math.round(shown.height / mmPerPixel));
    this.#columns = view.columns;
    const across = { count: this.width, from: shown.left, voxels: view.columns, mm: view.mmAcross };
    const down = { count: this.height, from: shown.top, voxels: view.rows, mm: view.mmDown };
    this.#across = placesOf(across, mmPerPixel);
    this.#down = placesOf(down, mmPerPixel);
  }

  /** Values of the plane at every pixel, linear between voxel centres. */
  values(plane: Float32Array): Float32Array {
    const { first, second, share } = this.#across;
    const out = new Float32Array(this.width * this.height);
    for (let y = 0, to = 0; y < this.height; y += 1) {
      const upper = this.#down.first[y]! * this.#columns;
      const lower = this.#down.second[y]! * this.#columns;
      const shareDown = this.#down.share[y]!;
      for (let x = 0; x < this.width; x += 1) {
        const a = first[x]!;
        const b = second[x]!;
        const shareAcross = share[x]!;
        const above = plane[upper + a]! * (1 - shareAcross) + plane[upper + b]! * shareAcross;
        const below = plane[lower + a]! * (1 - shareAcross) + plane[lower + b]! * shareAcross;
        out[to++] = above * (1 - shareDown) + below * shareDown;
      }
    }
    return out;
  }

  /** The pixels in a label: where more than half of what is around them is. `extent`: the label's voxels in the plane. */
  inside(labels: Uint8Array, label: number, extent: LabelExtent): PixelRegion {
    const columns = pixelsAt(this.#across, extent.left, extent.right);
    const rows = pixelsAt(this.#down, extent.top, extent.bottom);
    const [width, height] = [columns.end - columns.begin, rows.end - rows.begin];
    const { first, second, share } = this.#across;
    const inside = new Uint8Array(width * height);
    for (let y = rows.begin, to = 0; y < rows.end; y += 1) {
      const upper = this.#down.first[y]! * this.#columns;
      const lower = this.#down.second[y]! * this.#columns;
      const shareDown = this.#down.share[y]!;
      for (let x = columns.begin; x < columns.end; x += 1, to += 1) {
        const a = first[x]!;
        const b = second[x]!;
        const shareAcross = share[x]!;
        let above = 0;
        let below = 0;
        if (labels[upper + a] === label) above += 1 - shareAcross;
        if (labels[upper + b] === label) above += shareAcross;
        if (labels[lower + a] === label) below += 1 - shareAcross;
        if (labels[lower + b] === label) below += shareAcross;
        // In single precision, where what is half to its last digit counts as half.
        inside[to] = Math.fround(above * (1 - shareDown) + below * shareDown) >= 0.5 ? 1 : 0;
      }
    }
    return { left: columns.begin, top: rows.begin, width, height, inside };
  }
}

/** First and last column and row of a label in a plane. */
export interface LabelExtent {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Pixels of a picture within a rectangle: 1 inside. */
export interface PixelRegion {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly inside: Uint8Array;
}

/** Where each label of a plane lies, without background. */
export function labelExtents(labels: Uint8Array, columns: number): ReadonlyMap<number, LabelExtent> {
  const extents = new Map<number, { left: number; right: number; top: number; bottom: number }>();
  for (let at = 0, row = 0; at < labels.length; row += 1) {
    for (let column = 0; column < columns; column += 1, at += 1) {
      const label = labels[at]!;
      if (label === 0) continue;
      const extent = extents.get(label);
      if (extent === undefined) {
        extents.set(label, { left: column, right: column, top: row, bottom: row });
        continue;
      }
      if (column < extent.left) extent.left = column;
      if (column > extent.right) extent.right = column;
      extent.bottom = row;
    }
  }
  return extents;
}

/** Pixels of a side that see one of the voxels `low` to `high`. */
function pixelsAt(
  { first, second }: Places,
  low: number,
  high: number,
): { readonly begin: number; readonly end: number } {
  let [begin, end] = [0, first.length];
  while (begin < end && second[begin]! < low) begin += 1;
  while (end > begin && first[end - 1]! > high) end -= 1;
  return { begin, end };
}

function placesOf(
  side: { readonly count: number; readonly from: number; readonly voxels: number; readonly mm: number },
  mmPerPixel: number,
): Places {
  const first = new Int32Array(side.count);
  const second = new Int32Array(side.count);
  const share = new Float32Array(side.count);
  for (let pixel = 0; pixel < side.count; pixel += 1) {
    const voxel = (side.from + (pixel + 0.5) * mmPerPixel) / side.mm - 0.5;
    const held = Math.min(side.voxels - 1, Math.max(0, voxel));
    first[pixel] = Math.floor(held);
    second[pixel] = Math.min(side.voxels - 1, first[pixel]! + 1);
    share[pixel] = held - first[pixel]!;
  }
  return { first, second, share };
}
