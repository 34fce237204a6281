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
  values(slice: ArrayLike<number>): Float32Array {
    return this.#sampled((at) => slice[at]!);
  }

  /** Whether each pixel lies in a label: where more than half of what is around it does. */
  inside(labels: Uint8Array, label: number): Uint8Array {
    const cover = this.#sampled((at) => (labels[at] === label ? 1 : 0));
    const inside = new Uint8Array(cover.length);
    for (let pixel = 0; pixel < cover.length; pixel += 1) inside[pixel] = cover[pixel]! >= 0.5 ? 1 : 0;
    return inside;
  }

  #sampled(value: (at: number) => number): Float32Array {
    const { first, second, share } = this.#across;
    const out = new Float32Array(this.width * this.height);
    for (let y = 0, to = 0; y < this.height; y += 1) {
      const upper = this.#down.first[y]! * this.#columns;
      const lower = this.#down.second[y]! * this.#columns;
      const shareDown = this.#down.share[y]!;
      for (let x = 0; x < this.width; x += 1) {
        const [a, b, shareAcross] = [first[x]!, second[x]!, share[x]!];
        const above = value(upper + a) * (1 - shareAcross) + value(upper + b) * shareAcross;
        const below = value(lower + a) * (1 - shareAcross) + value(lower + b) * shareAcross;
        out[to++] = above * (1 - shareDown) + below * shareDown;
      }
    }
    return out;
  }
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
