import type { LabelCrop } from './label-crop.ts';

/** The surface of a label as a net: a vertex in every cell that it passes, a quad across every crossed edge. */
export interface SurfaceNet {
  /** Voxel indices of the label map, three a vertex: the mean of the crossed edges of its cell. */
  readonly positions: Float32Array;
  /** Centre of each vertex's cell: with these positions the net is the very surface of the voxels. */
  readonly centres: Float32Array;
  /** Six neighbours a vertex (-x, +x, -y, +y, -z, +z), -1 where there is none. */
  readonly neighbours: Int32Array;
  /** Four vertices a quad, counter-clockwise from outside in a right-handed frame of voxel axes. */
  readonly quads: Uint32Array;
}

/**
 * Naive surface nets (after Gibson 1998) of a crop whose border is empty. Closed; voxels that touch only along an
 * edge share it, which makes that edge one of four quads.
 */
export function surfaceNet(crop: LabelCrop): SurfaceNet {
  return new NetBuilder(crop).build();
}

/** Corners of a cell are bits: x 1, y 2, z 4. A face is mixed when some but not all of its corners are inside. */
const LOW_FACE = [0b01010101, 0b00110011, 0b00001111] as const;

/** Mean of the midpoints of the crossed edges for each of the 256 cells, three numbers a cell. */
const EDGE_MEANS = edgeMeans();

function edgeMeans(): Float32Array {
  const means = new Float32Array(3 * 256);
  for (let cell = 1; cell < 255; cell++) {
    const sum = [0, 0, 0];
    let crossed = 0;
    for (let corner = 0; corner < 8; corner++) {
      for (let axis = 0; axis < 3; axis++) {
        const other = corner | (1 << axis);
        if (other === corner || ((cell >> corner) & 1) === ((cell >> other) & 1)) continue;
        for (let a = 0; a < 3; a++) sum[a]! += a === axis ? 0.5 : (corner >> a) & 1;
        crossed += 1;
      }
    }
    for (let a = 0; a < 3; a++) means[3 * cell + a] = sum[a]! / crossed;
  }
  return means;
}

/** How much a net will hold. */
interface NetSize {
  readonly vertices: number;
  readonly quads: number;
}

/** Called for every cell that the surface passes: its corners as bits, and its place. */
type CellVisitor = (cell: number, x: number, y: number, z: number) => void;

function forEachCell({ data, dims }: LabelCrop, visit: CellVisitor): void {
  const [sx, sy, sz] = dims;
  for (let z = 0; z < sz - 1; z++) {
    for (let y = 0; y < sy - 1; y++) {
      const r0 = sx * (y + sy * z);
      const r1 = r0 + sx;
      const r2 = r0 + sx * sy;
      const r3 = r0 + sx * sy + sx;
      let low = 0;
      for (let x = 0; x < sx - 1; x++) {
        const next = x + 1;
        const high =
          data[r0 + next]! | (data[r1 + next]! << 2) | (data[r2 + next]! << 4) | (data[r3 + next]! << 6);
        const cell = low | (high << 1);
        low = high;
        if (cell !== 0 && cell !== 255) visit(cell, x, y, z);
      }
    }
  }
}

function netSizeOf(crop: LabelCrop): NetSize {
  let [vertices, quads] = [0, 0];
  forEachCell(crop, (cell) => {
    const inside = cell & 1;
    vertices += 1;
    quads += (inside ^ ((cell >> 1) & 1)) + (inside ^ ((cell >> 2) & 1)) + (inside ^ ((cell >> 4) & 1));
  });
  return { vertices, quads };
}

class NetBuilder {
  readonly #crop: LabelCrop;
  readonly #nx: number;
  /** Vertex of each cell of the layer before and of this one, -1 for none. */
  #before: Int32Array;
  #layer: Int32Array;
  #z = 0;
  readonly #positions: Float32Array;
  readonly #centres: Float32Array;
  readonly #neighbours: Int32Array;
  readonly #quads: Uint32Array;
  #vertexCount = 0;
  #quadEnd = 0;

  constructor(crop: LabelCrop) {
    this.#crop = crop;
    this.#nx = crop.dims[0] - 1;
    const cells = this.#nx * (crop.dims[1] - 1);
    this.#before = new Int32Array(cells).fill(-1);
    this.#layer = new Int32Array(cells).fill(-1);
    const { vertices, quads } = netSizeOf(crop);
    this.#positions = new Float32Array(3 * vertices);
    this.#centres = new Float32Array(3 * vertices);
    this.#neighbours = new Int32Array(6 * vertices).fill(-1);
    this.#quads = new Uint32Array(4 * quads);
  }

  build(): SurfaceNet {
    forEachCell(this.#crop, (cell, x, y, z) => {
      while (this.#z < z) this.#nextLayer();
      this.#vertex(cell, x, y, z);
      this.#edges(cell, x + this.#nx * y);
    });
    return {
      positions: this.#positions,
      centres: this.#centres,
      neighbours: this.#neighbours,
      quads: this.#quads,
    };
  }

  #nextLayer(): void {
    [this.#before, this.#layer] = [this.#layer, this.#before];
    this.#layer.fill(-1);
    this.#z += 1;
  }

  #vertex(cell: number, x: number, y: number, z: number): void {
    const { origin } = this.#crop;
    const vertex = this.#vertexCount++;
    const at = x + this.#nx * y;
    this.#layer[at] = vertex;
    const i = x + origin[0];
    const j = y + origin[1];
    const k = z + origin[2];
    const to = 3 * vertex;
    const mean = 3 * cell;
    this.#positions[to] = i + EDGE_MEANS[mean]!;
    this.#positions[to + 1] = j + EDGE_MEANS[mean + 1]!;
    this.#positions[to + 2] = k + EDGE_MEANS[mean + 2]!;
    this.#centres[to] = i + 0.5;
    this.#centres[to + 1] = j + 0.5;
    this.#centres[to + 2] = k + 0.5;
    if (isMixed(cell, LOW_FACE[0])) this.#link(vertex, this.#layer[at - 1]!, 0);
    if (isMixed(cell, LOW_FACE[1])) this.#link(vertex, this.#layer[at - this.#nx]!, 2);
    if (isMixed(cell, LOW_FACE[2])) this.#link(vertex, this.#before[at]!, 4);
  }

  #link(vertex: number, other: number, slot: number): void {
    this.#neighbours[6 * vertex + slot] = other;
    this.#neighbours[6 * other + slot + 1] = vertex;
  }

  /** Quads across the three edges that leave the cell's first corner. */
  #edges(cell: number, at: number): void {
    const layer = this.#layer;
    const before = this.#before;
    const nx = this.#nx;
    const inside = cell & 1;
    if (inside !== ((cell >> 1) & 1)) this.#quad(inside, before[at - nx]!, before[at]!, layer[at - nx]!);
    if (inside !== ((cell >> 2) & 1)) this.#quad(inside, before[at - 1]!, layer[at - 1]!, before[at]!);
    if (inside !== ((cell >> 4) & 1))
      this.#quad(inside, layer[at - nx - 1]!, layer[at - nx]!, layer[at - 1]!);
  }

  /** The third corner is the newest vertex. */
  #quad(inside: number, a: number, b: number, d: number): void {
    const c = this.#vertexCount - 1;
    const quads = this.#quads;
    const to = this.#quadEnd;
    quads[to] = inside === 1 ? a : d;
    quads[to + 1] = inside === 1 ? b : c;
    quads[to + 2] = inside === 1 ? c : b;
    quads[to + 3] = inside === 1 ? d : a;
    this.#quadEnd = to + 4;
  }
}

function isMixed(cell: number, face: number): boolean {
  const corners = cell & face;
  return corners !== 0 && corners !== face;
}
