import { vertexNormals, type Mesh } from '../../volume/meshes/mesh.ts';
import { drawMarks } from './marks.ts';
import { nearestTriangles, Shading, type NearestTriangles, type PosedSurfaces } from './mesh-samples.ts';
import { blankRaster, type Raster, type Rgb } from './raster.ts';

/**
 * A surface to be drawn, closed and turned outwards; positions in mm along right, anterior and superior (the viewer's
 * frame).
 */
export interface Surface {
  readonly mesh: Mesh;
  readonly colour: Rgb;
  /** Seen through, as the liver has to be for what lies in it. */
  readonly clear: boolean;
}

/** What a picture of meshes is to be. */
export interface MeshScene {
  readonly surfaces: readonly Surface[];
  /** Most pixels along the longest side. */
  readonly size: number;
  /** Least edge of a pixel: small things make small pictures. */
  readonly leastMmPerPixel: number;
  readonly demo: boolean;
}

const GROUND: Rgb = [24, 28, 34];
/** From the front, a little from the patient's right and from above, degrees. */
const TURN = 18;
const TILT = 14;
/** Share of a clear surface where it faces the reader, and at its rim. */
const CLEAR_SHARE = { facing: 0.22, rim: 0.75 } as const;
/** Each pixel of the picture is the mean of so many times so many samples. */
const SMOOTHING = 2;
/** Samples of a pixel that lie no farther apart in depth, mm, are shaded once. */
const SAME_DEPTH = 1;
const MARGIN = 0.06;

/**
 * Draws surfaces shaded, in parallel projection, as seen from the patient's front: what is clear lies over what is
 * not. A depth buffer in software: the same meshes give the same pixels on any machine. Null without a triangle.
 */
export function meshPicture({ surfaces, size, leastMmPerPixel, demo }: MeshScene): Raster | null {
  const shown = surfaces.filter(({ mesh }) => mesh.triangles.length > 0);
  if (shown.length === 0) return null;
  const posed = shown.map(({ mesh, colour, clear }) => ({
    clear,
    colour,
    mesh: { positions: posedPoints(mesh.positions), triangles: mesh.triangles },
  }));
  const fit = fitted(posed, { size, leastMmPerPixel });
  const picture = blankRaster(fit.width, fit.height, GROUND);
  const solid = joined(
    posed.filter(({ clear }) => !clear),
    fit,
  );
  const nearest = nearestTriangles(solid, sampled(fit));
  draw(picture, { surfaces: solid, nearest, solid: null });
  // Only the nearest of a clear surface is laid over what is there, else its folds would add up.
  for (const surface of posed.filter(({ clear }) => clear)) {
    const own = joined([surface], fit);
    draw(picture, { surfaces: own, nearest: nearestTriangles(own, sampled(fit)), solid: nearest.depth });
  }
  const sides = { left: 'R', right: 'L', top: 'S', bottom: 'I' };
  drawMarks(picture, { sides, mmPerPixel: 1 / fit.pixelsPerMm, demo });
  return picture;
}

function posedPoints(vectors: Float32Array): Float32Array {
  const [turn, tilt] = [(TURN * Math.PI) / 180, (TILT * Math.PI) / 180];
  const [cosTurn, sinTurn] = [Math.cos(turn), Math.sin(turn)];
  const [cosTilt, sinTilt] = [Math.cos(tilt), Math.sin(tilt)];
  const out = new Float32Array(vectors.length);
  for (let at = 0; at < vectors.length; at += 3) {
    const right = vectors[at]!;
    const anterior = vectors[at + 1]!;
    const superior = vectors[at + 2]!;
    // The reader stands in front: the patient's left is on the right, and what is anterior is near.
    const away = -anterior * cosTurn - right * sinTurn;
    out[at] = -right * cosTurn + anterior * sinTurn;
    out[at + 1] = -superior * cosTilt - away * sinTilt;
    out[at + 2] = away * cosTilt - superior * sinTilt;
  }
  return out;
}

/** How millimetres become pixels. */
interface Fit {
  readonly width: number;
  readonly height: number;
  readonly pixelsPerMm: number;
  readonly left: number;
  readonly top: number;
}

function fitted(
  surfaces: readonly Surface[],
  { size, leastMmPerPixel }: Pick<MeshScene, 'size' | 'leastMmPerPixel'>,
): Fit {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { mesh } of surfaces) {
    for (let at = 0; at < mesh.positions.length; at += 3) {
      const x = mesh.positions[at]!;
      const y = mesh.positions[at + 1]!;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
    }
  }
  const [across, down] = [right - left, bottom - top];
  const margin = MARGIN * Math.max(across, down, 1);
  const pixelsPerMm = Math.min(size / (Math.max(across, down) + 2 * margin), 1 / leastMmPerPixel);
  return {
    width: Math.ceil((across + 2 * margin) * pixelsPerMm),
    height: Math.ceil((down + 2 * margin) * pixelsPerMm),
    pixelsPerMm,
    left: left - margin,
    top: top - margin,
  };
}

const sampled = ({ width, height }: Fit): { readonly width: number; readonly height: number } => ({
  width: width * SMOOTHING,
  height: height * SMOOTHING,
});

/** Posed surfaces as one, in samples. */
function joined(surfaces: readonly Surface[], { left, top, pixelsPerMm }: Fit): PosedSurfaces {
  const length = (of: (mesh: Mesh) => ArrayLike<number>): number =>
    surfaces.reduce((sum, { mesh }) => sum + of(mesh).length, 0);
  const points = new Float32Array(length(({ positions }) => positions));
  const normals = new Float32Array(points.length);
  const triangles = new Uint32Array(length((mesh) => mesh.triangles));
  const colours: { end: number; colour: Rgb }[] = [];
  const scale = SMOOTHING * pixelsPerMm;
  let [point, end] = [0, 0];
  for (const { mesh, colour } of surfaces) {
    normals.set(vertexNormals(mesh), point);
    for (let at = 0; at < mesh.triangles.length; at++) triangles[end + at] = mesh.triangles[at]! + point / 3;
    for (let at = 0; at < mesh.positions.length; at += 3, point += 3) {
      points[point] = (mesh.positions[at]! - left) * scale;
      points[point + 1] = (mesh.positions[at + 1]! - top) * scale;
      points[point + 2] = mesh.positions[at + 2]!;
    }
    end += mesh.triangles.length;
    colours.push({ end, colour });
  }
  return { points, normals, triangles, colours };
}

interface Drawing {
  readonly surfaces: PosedSurfaces;
  readonly nearest: NearestTriangles;
  /** Depth of what hides them; null for what is not clear. */
  readonly solid: Float32Array | null;
}

/** Lays surfaces over a picture: over each pixel as much as its samples show of them. */
function draw({ width, height, data }: Raster, drawing: Drawing): void {
  const pixel = new PixelSamples(drawing);
  const samples = SMOOTHING * SMOOTHING;
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      pixel.take(x, y);
      if (pixel.share === 0) continue;
      const kept = 1 - pixel.share / samples;
      data[to] = data[to]! * kept + pixel.red / samples;
      data[to + 1] = data[to + 1]! * kept + pixel.green / samples;
      data[to + 2] = data[to + 2]! * kept + pixel.blue / samples;
    }
  }
}

/** Sums over the samples of a pixel. */
class PixelSamples {
  /** Weighted by how much of a sample is covered. */
  red = 0;
  green = 0;
  blue = 0;
  share = 0;
  readonly #drawing: Drawing;
  readonly #shading: Shading;
  #shadedDepth = Infinity;
  #sampleShare = 1;

  constructor(drawing: Drawing) {
    this.#drawing = drawing;
    this.#shading = new Shading(drawing.surfaces, drawing.nearest.width);
  }

  take(x: number, y: number): void {
    const { width } = this.#drawing.nearest;
    this.red = this.green = this.blue = this.share = 0;
    this.#shadedDepth = Infinity;
    const first = SMOOTHING * (y * width + x);
    for (let row = 0; row < SMOOTHING; row++)
      for (let sample = first + row * width; sample < first + row * width + SMOOTHING; sample++)
        this.#add(sample);
  }

  #add(sample: number): void {
    const { nearest, solid } = this.#drawing;
    const z = nearest.depth[sample]!;
    if (z === Infinity || (solid !== null && z > solid[sample]!)) return;
    const shading = this.#shading;
    if (!(Math.abs(z - this.#shadedDepth) <= SAME_DEPTH)) {
      shading.shade(nearest.triangle[sample]!, sample);
      this.#shadedDepth = z;
      this.#sampleShare = solid === null ? 1 : clearShare(shading.facing);
    }
    const share = this.#sampleShare;
    this.red += share * shading.red;
    this.green += share * shading.green;
    this.blue += share * shading.blue;
    this.share += share;
  }
}

function clearShare(facing: number): number {
  const rim = (1 - facing) ** 2;
  return CLEAR_SHARE.facing + (CLEAR_SHARE.rim - CLEAR_SHARE.facing) * rim;
}
