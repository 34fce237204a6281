import { vertexNormals, type Mesh } from '../../volume/meshes/mesh.ts';
import type { Triple } from '../../volume/statistics.ts';
import { drawMarks } from './marks.ts';
import { blankRaster, blend, reduced, type Raster, type Rgb } from './raster.ts';

/** A surface to be drawn; positions in mm along right, anterior and superior (the viewer's frame). */
export interface Surface {
  readonly mesh: Mesh;
  readonly colour: Rgb;
  /** Seen through, as the liver has to be for what lies in it. */
  readonly clear: boolean;
}

/** What a picture of meshes is to be. */
export interface MeshScene {
  readonly surfaces: readonly Surface[];
  /** Longest side, pixels. */
  readonly size: number;
  readonly demo: boolean;
}

const GROUND: Rgb = [24, 28, 34];
/** From the front, a little from the patient's right and from above, degrees. */
const TURN = 18;
const TILT = 14;
/** Share of a clear surface where it faces the reader, and at its rim. */
const CLEAR_SHARE = { facing: 0.22, rim: 0.75 } as const;
const AMBIENT = 0.28;
const SHINE = 0.25;
/** Each pixel of the picture is the mean of so many times so many. */
const SMOOTHING = 2;
const MARGIN = 0.06;
/** Towards the light, over the reader's left shoulder; x to the reader's right, y down, z away from the reader. */
const LIGHT = normalised([-0.45, -0.55, -0.7]);
/** Half-way between the light and the reader (Blinn). */
const HALF = normalised([LIGHT[0], LIGHT[1], LIGHT[2] - 1]);

/**
 * Draws surfaces shaded, in parallel projection, as seen from the patient's front: what is clear lies over what is
 * not. A depth buffer in software: the same meshes give the same pixels on any machine. Null without a triangle.
 */
export function meshPicture({ surfaces, size, demo }: MeshScene): Raster | null {
  const posed = surfaces.filter(({ mesh }) => mesh.triangles.length > 0).map(posedSurface);
  if (posed.length === 0) return null;
  const fit = fitted(posed, size * SMOOTHING);
  const canvas = blankRaster(fit.width, fit.height, GROUND);
  const solid = new Float32Array(fit.width * fit.height).fill(Infinity);
  for (const surface of posed) if (!surface.clear) drawSolid(canvas, solid, surface, fit);
  for (const surface of posed) if (surface.clear) drawClear(canvas, solid, surface, fit);
  const picture = reduced(canvas, SMOOTHING);
  const sides = { left: 'R', right: 'L', top: 'S', bottom: 'I' };
  drawMarks(picture, { sides, mmPerPixel: SMOOTHING / fit.pixelsPerMm, demo });
  return picture;
}

/** A surface as the reader sees it: x to the right, y down, z away, mm; normals alike. */
interface PosedSurface extends Surface {
  readonly points: Float32Array;
  readonly normals: Float32Array;
}

function posedSurface(surface: Surface): PosedSurface {
  const { mesh } = surface;
  return { ...surface, points: posed(mesh.positions), normals: posed(vertexNormals(mesh)) };
}

function posed(vectors: Float32Array): Float32Array {
  const [turn, tilt] = [(TURN * Math.PI) / 180, (TILT * Math.PI) / 180];
  const out = new Float32Array(vectors.length);
  for (let at = 0; at < vectors.length; at += 3) {
    const [right, anterior, superior] = [vectors[at]!, vectors[at + 1]!, vectors[at + 2]!];
    // The reader stands in front: the patient's left is on the right, and what is anterior is near.
    const x = -right * Math.cos(turn) + anterior * Math.sin(turn);
    const away = -anterior * Math.cos(turn) - right * Math.sin(turn);
    out[at] = x;
    out[at + 1] = -superior * Math.cos(tilt) - away * Math.sin(tilt);
    out[at + 2] = away * Math.cos(tilt) - superior * Math.sin(tilt);
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

function fitted(surfaces: readonly PosedSurface[], size: number): Fit {
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  for (const { points } of surfaces) {
    for (let at = 0; at < points.length; at += 3) {
      for (const axis of [0, 1] as const) {
        low[axis] = Math.min(low[axis]!, points[at + axis]!);
        high[axis] = Math.max(high[axis]!, points[at + axis]!);
      }
    }
  }
  const [across, down] = [high[0]! - low[0]!, high[1]! - low[1]!];
  const margin = MARGIN * Math.max(across, down, 1);
  const pixelsPerMm = size / (Math.max(across, down) + 2 * margin);
  return {
    width: Math.ceil((across + 2 * margin) * pixelsPerMm),
    height: Math.ceil((down + 2 * margin) * pixelsPerMm),
    pixelsPerMm,
    left: low[0]! - margin,
    top: low[1]! - margin,
  };
}

function drawSolid(canvas: Raster, depth: Float32Array, surface: PosedSurface, fit: Fit): void {
  eachNearest(surface, depth, fit, (pixel, normal) => {
    canvas.data.set(shaded(surface.colour, normal), 3 * pixel);
  });
}

/** Only the nearest of a clear surface is laid over what is there, else its folds would add up. */
function drawClear(canvas: Raster, solid: Float32Array, surface: PosedSurface, fit: Fit): void {
  const nearest = new Float32Array(solid.length).fill(Infinity);
  const normals = new Float32Array(3 * solid.length);
  eachNearest(surface, nearest, fit, (pixel, normal) => normals.set(normal, 3 * pixel));
  for (let pixel = 0; pixel < nearest.length; pixel += 1) {
    if (nearest[pixel] === Infinity || nearest[pixel]! > solid[pixel]!) continue;
    const normal: Triple = [normals[3 * pixel]!, normals[3 * pixel + 1]!, normals[3 * pixel + 2]!];
    const rim = (1 - Math.abs(normal[2])) ** 2;
    const share = CLEAR_SHARE.facing + (CLEAR_SHARE.rim - CLEAR_SHARE.facing) * rim;
    blend(canvas, pixel, shaded(surface.colour, normal), share);
  }
}

/** Told of each pixel that a triangle covers nearer than `depth` has it so far, with the normal there. */
type NearestVisitor = (pixel: number, normal: Triple) => void;

function eachNearest(surface: PosedSurface, depth: Float32Array, fit: Fit, visit: NearestVisitor): void {
  const { points, mesh } = surface;
  const xy = new Float32Array((points.length / 3) * 2);
  for (let vertex = 0; vertex < xy.length / 2; vertex += 1) {
    xy[2 * vertex] = (points[3 * vertex]! - fit.left) * fit.pixelsPerMm;
    xy[2 * vertex + 1] = (points[3 * vertex + 1]! - fit.top) * fit.pixelsPerMm;
  }
  const { triangles } = mesh;
  const target = { depth, width: fit.width, height: fit.height, xy, surface };
  for (let at = 0; at < triangles.length; at += 3)
    fillTriangle(target, [triangles[at]!, triangles[at + 1]!, triangles[at + 2]!], visit);
}

interface Target {
  /** Distance from the reader of what each pixel shows, mm. */
  readonly depth: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Vertices in pixels. */
  readonly xy: Float32Array;
  readonly surface: PosedSurface;
}

function fillTriangle(target: Target, [a, b, c]: Triple, visit: NearestVisitor): void {
  const { depth, width, height, xy } = target;
  const { points, normals } = target.surface;
  const [ax, ay] = [xy[2 * a]!, xy[2 * a + 1]!];
  const [bx, by] = [xy[2 * b]!, xy[2 * b + 1]!];
  const [cx, cy] = [xy[2 * c]!, xy[2 * c + 1]!];
  const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
  if (area === 0) return;
  const lastRow = Math.min(height - 1, Math.ceil(Math.max(ay, by, cy)));
  const firstColumn = Math.max(0, Math.floor(Math.min(ax, bx, cx)));
  const lastColumn = Math.min(width - 1, Math.ceil(Math.max(ax, bx, cx)));
  for (let row = Math.max(0, Math.floor(Math.min(ay, by, cy))); row <= lastRow; row += 1) {
    for (let column = firstColumn; column <= lastColumn; column += 1) {
      const [x, y] = [column + 0.5, row + 0.5];
      const u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area;
      const v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area;
      const w = 1 - u - v;
      if (u < 0 || v < 0 || w < 0) continue;
      const z = u * points[3 * a + 2]! + v * points[3 * b + 2]! + w * points[3 * c + 2]!;
      const pixel = row * width + column;
      if (z >= depth[pixel]!) continue;
      depth[pixel] = z;
      const mixed = (axis: number): number =>
        u * normals[3 * a + axis]! + v * normals[3 * b + axis]! + w * normals[3 * c + axis]!;
      visit(pixel, normalised([mixed(0), mixed(1), mixed(2)]));
    }
  }
}

function shaded(colour: Rgb, [nx, ny, nz]: Triple): Rgb {
  const towards = Math.max(0, nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]);
  const shine = 255 * SHINE * Math.max(0, nx * HALF[0] + ny * HALF[1] + nz * HALF[2]) ** 24;
  const light = AMBIENT + (1 - AMBIENT) * towards;
  return [colour[0] * light + shine, colour[1] * light + shine, colour[2] * light + shine];
}

function normalised([x, y, z]: Triple): Triple {
  const length = Math.hypot(x, y, z) || 1;
  return [x / length, y / length, z / length];
}
