/**
 * Draws the README's picture: axial, coronal and sagittal slices of a CT with the outlines of its masks, oriented by
 * the affine, radiological convention (the patient's right on the left).
 *
 *   node scripts/write-picture.ts --ct CT --results DIR --out FILE.png
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PNG } from 'pngjs';
import { readNifti } from '../adapters/nifti-file.ts';
import { reorient } from '../core/volume/orientation.ts';
import { spacingOf, type Volume } from '../core/volume/volume.ts';

type Rgb = readonly [number, number, number];

interface Layer {
  readonly mask: Volume;
  readonly label: number;
  readonly colour: Rgb;
}

const WINDOW = { low: -110, high: 210 } as const;
const PIXELS_PER_MM = 1.25;
const LAYERS: readonly { file: string; label: number; colour: Rgb }[] = [
  { file: 'liver.nii.gz', label: 1, colour: [255, 170, 60] },
  { file: 'task008.nii.gz', label: 1, colour: [70, 160, 255] },
  { file: 'task008.nii.gz', label: 2, colour: [80, 220, 110] },
];

const { values } = parseArgs({
  options: { ct: { type: 'string' }, results: { type: 'string' }, out: { type: 'string' } },
});
const ct = reorient(await readNifti(values.ct!), 'RAS');
const layers: Layer[] = [];
for (const { file, label, colour } of LAYERS) {
  const mask = reorient(await readNifti(join(values.results!, file)), 'RAS');
  layers.push({ mask, label, colour });
}
const planes = [plane(2), plane(1), plane(0)];
await writeFile(values.out!, PNG.sync.write(sideBySide(planes)));

/** The slice along `axis` (RAS order) with the most tumour, else the middle one, as a picture. */
function plane(axis: 0 | 1 | 2): PNG {
  const [u, v] = ([0, 1, 2] as const).filter((other) => other !== axis) as [0 | 1 | 2, 0 | 1 | 2];
  const { dims } = ct.grid;
  const spacing = spacingOf(ct.grid.affine);
  const at = busiestSlice(axis);
  const width = Math.round(dims[u] * spacing[u] * PIXELS_PER_MM);
  const height = Math.round(dims[v] * spacing[v] * PIXELS_PER_MM);
  const png = new PNG({ width, height });
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const index = [0, 0, 0];
      index[axis] = at;
      // Radiological: x leads from the patient's right to left unless the plane is sagittal, where it leads backwards.
      index[u] = dims[u] - 1 - Math.floor((x / width) * dims[u]);
      index[v] = dims[v] - 1 - Math.floor((y / height) * dims[v]);
      paint(png, y * width + x, index, [u, v]);
    }
  }
  return png;
}

function paint(png: PNG, pixel: number, index: readonly number[], [u, v]: readonly [number, number]): void {
  const hu = ct.slope * valueAt(ct, index) + ct.intercept;
  const grey = Math.max(0, Math.min(255, (255 * (hu - WINDOW.low)) / (WINDOW.high - WINDOW.low)));
  let rgb: Rgb = [grey, grey, grey];
  for (const { mask, label, colour } of layers) {
    if (valueAt(mask, index) !== label) continue;
    const border = [u, v].some((axis) =>
      [-1, 1].some((step) => valueAt(mask, index.with(axis, index[axis]! + step)) !== label),
    );
    const share = border ? 0.85 : 0.18;
    rgb = rgb.map((value, c) => (1 - share) * value + share * colour[c]!) as unknown as Rgb;
  }
  png.data.set([...rgb, 255], 4 * pixel);
}

function valueAt({ grid, data }: Volume, index: readonly number[]): number {
  const [nx, ny, nz] = grid.dims;
  const [i, j, k] = index as [number, number, number];
  if (i < 0 || j < 0 || k < 0 || i >= nx || j >= ny || k >= nz) return 0;
  return data[i + nx * (j + ny * k)]!;
}

function busiestSlice(axis: 0 | 1 | 2): number {
  const tumours = layers.at(-1)!;
  const { dims } = ct.grid;
  const counts = new Float64Array(dims[axis]);
  tumours.mask.data.forEach((value, voxel) => {
    if (value !== tumours.label) return;
    const index = [
      voxel % dims[0],
      Math.floor(voxel / dims[0]) % dims[1],
      Math.floor(voxel / (dims[0] * dims[1])),
    ];
    counts[index[axis]!]! += 1;
  });
  const most = Math.max(...counts);
  return most === 0 ? dims[axis] >> 1 : counts.indexOf(most);
}

function sideBySide(pictures: readonly PNG[]): PNG {
  const gap = 8;
  const height = Math.max(...pictures.map((picture) => picture.height));
  const width = pictures.reduce((sum, picture) => sum + picture.width + gap, -gap);
  const out = new PNG({ width, height, fill: true });
  for (let pixel = 0; pixel < width * height; pixel += 1) out.data[4 * pixel + 3] = 255;
  let left = 0;
  for (const picture of pictures) {
    const top = (height - picture.height) >> 1;
    PNG.bitblt(picture, out, 0, 0, picture.width, picture.height, left, top);
    left += picture.width + gap;
  }
  return out;
}
