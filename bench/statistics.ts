import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { components } from '../core/volume/components.ts';
import { measure } from '../core/volume/statistics.ts';
import type { Dims, LabelMap, Volume } from '../core/volume/volume.ts';
import { machineFacts, median } from './figures.ts';

/**
 * Measuring 10 labels on a clinical grid (512 x 512 x 300, int16): our one pass against numpy, with a mask per
 * label (on the whole grid, and inside the box that scipy finds first) and with a joint bincount; our components
 * against scipy.ndimage.label, label by label. Each side runs in a process of its own, in turns, arrays in memory
 * before the clock starts; all sides must find the same figures. `npm run bench:statistics`. Bounds: 0.5 of the
 * masks, 0.1 of scipy.
 */
const ROUNDS = 3;
const DIMS: Dims = [512, 512, 300];
const AFFINE = [0.78, 0, 0, -200, 0, 0.78, 0, -200, 0, 0, 1.25, 0, 0, 0, 0, 1];
const PYTHON = join(import.meta.dirname, '../.venv/bin/python');

/** A side's figures: seconds per task, and a digest of what it found. */
interface Measured {
  readonly seconds: number;
  /** Per label: voxels, HU mean, standard deviation, median, 95 %, first x, last z, centroid y (voxels). */
  readonly found: readonly (readonly number[])[];
}

const SIDES = [
  'ours',
  'numpy-masks',
  'numpy-boxes',
  'numpy-bincount',
  'ours-6',
  'scipy-6',
  'ours-26',
  'scipy-26',
] as const;
type Side = (typeof SIDES)[number];

const NUMPY = `
import json, sys, time
import numpy as np
from scipy import ndimage
folder, side = sys.argv[1:3]
ct = np.fromfile(folder + "/ct.raw", np.int16).reshape(300, 512, 512)
mask = np.fromfile(folder + "/mask.raw", np.uint8).reshape(300, 512, 512)
Q = [5, 25, 50, 75, 95]

def figures(ct, where, corner):
    values = ct[where]
    z, y, x = np.nonzero(where)
    low = [axis.min() + c for axis, c in zip((x, y, z), corner)]
    high = [axis.max() + c for axis, c in zip((x, y, z), corner)]
    centre = [axis.mean() + c for axis, c in zip((x, y, z), corner)]
    values.min(), values.max()
    p = np.percentile(values, Q)
    return [values.size, values.mean(), values.std(), p[2], p[4], low[0], high[2], centre[1]]

def masks():
    return [figures(ct, mask == label, (0, 0, 0)) for label in range(1, 11)]

def boxes():
    found = []
    for label, box in enumerate(ndimage.find_objects(mask), 1):
        found.append(figures(ct[box], mask[box] == label, [axis.start for axis in box[::-1]]))
    return found

def bincount():
    place = np.flatnonzero(mask)
    labels = mask.ravel()[place].astype(np.int64)
    lowest = int(ct.min())
    span = int(ct.max()) - lowest + 1
    counts = np.bincount(labels * span + ct.ravel()[place] - lowest, minlength=11 * span).reshape(11, span)
    zy, x = np.divmod(place, 512)
    z, y = np.divmod(zy, 512)
    axes = [np.bincount(labels * 512 + axis, minlength=11 * 512).reshape(11, 512) for axis in (x, y, z)]
    found, value, index = [], np.arange(span) + lowest, np.arange(512)
    for label in range(1, 11):
        own, n = counts[label], counts[label].sum()
        mean = (own * value).sum() / n
        std = np.sqrt((own * (value - mean) ** 2).sum() / n)
        through, p = np.cumsum(own), []
        for q in Q:
            rank = q / 100 * (n - 1)
            a, b = value[np.searchsorted(through, [int(rank), min(int(rank) + 1, n - 1)], side="right")]
            p.append(a + (b - a) * (rank - int(rank)))
        ends = [np.flatnonzero(axis[label])[[0, -1]] for axis in axes]
        centre = [(axis[label] * index).sum() / n for axis in axes]
        found.append([n, mean, std, p[2], p[4], ends[0][0], ends[2][1], centre[1]])
    return found

def labelled(structure):
    found = []
    for label in range(1, 11):
        parts, count = ndimage.label(mask == label, structure)
        sizes = np.sort(np.bincount(parts.ravel())[1:])
        found.append([count, sizes[-1], sizes[0]])
    return found

work = {
    "numpy-masks": masks,
    "numpy-boxes": boxes,
    "numpy-bincount": bincount,
    "scipy-6": lambda: labelled(None),
    "scipy-26": lambda: labelled(np.ones((3, 3, 3))),
}[side]
start = time.perf_counter()
found = work()
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "found": [[float(v) for v in row] for row in found]}))
`;

/** Ten bumpy organs with frayed borders and some stray voxels, a tenth of the grid, on a noisy CT. */
function writeCase(folder: string): void {
  const [nx, ny, nz] = DIMS;
  const ct = new Int16Array(nx * ny * nz);
  const mask = new Uint8Array(ct.length);
  let state = 1;
  for (let p = 0; p < ct.length; p += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    ct[p] = (state >>> 24) - 60 + ((state >>> 12) & 63);
  }
  for (let label = 1; label <= 10; label += 1) {
    const centre = [
      70 + label * 37,
      256 + 90 * Math.sin(label * 2.1),
      150 + 70 * Math.cos(label * 1.3),
    ] as const;
    const radius = 85 - 5 * label;
    fillOrgan(mask, label, { centre, radius });
  }
  writeFileSync(join(folder, 'ct.raw'), ct);
  writeFileSync(join(folder, 'mask.raw'), mask);
}

function fillOrgan(
  mask: Uint8Array,
  label: number,
  { centre, radius }: { readonly centre: readonly [number, number, number]; readonly radius: number },
): void {
  const [nx, ny, nz] = DIMS;
  const [cx, cy, cz] = centre;
  for (let z = Math.max(0, Math.floor(cz - radius)); z < Math.min(nz, cz + radius); z += 1) {
    for (let y = Math.max(0, Math.floor(cy - radius)); y < Math.min(ny, cy + radius); y += 1) {
      for (let x = Math.max(0, Math.floor(cx - radius)); x < Math.min(nx, cx + radius); x += 1) {
        const distance = Math.hypot(x - cx, y - cy, z - cz) / radius;
        const bumps = 0.12 * (Math.sin(x / 5) * Math.sin(y / 7) + Math.sin(z / 6 + x / 11));
        const fray = 0.08 * Math.sin(x * 12.9898 + y * 78.233 + z * 37.719);
        if (distance + bumps + fray < 0.85) mask[x + nx * (y + ny * z)] = label;
      }
    }
  }
}

function readArray(path: string): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  return buffer.slice(byteOffset, byteOffset + byteLength);
}

/** One side of ours in this process. */
function runOurs(folder: string, side: Side): void {
  const grid = { dims: DIMS, affine: AFFINE };
  const ct: Volume = {
    grid,
    data: new Int16Array(readArray(join(folder, 'ct.raw'))),
    slope: 1,
    intercept: 0,
  };
  const mask: LabelMap = { grid, data: new Uint8Array(readArray(join(folder, 'mask.raw'))) };
  const start = performance.now();
  const found = side === 'ours' ? digestOf(measure(ct, mask)) : sizesOf(mask, side === 'ours-6' ? 6 : 26);
  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ seconds, found } satisfies Measured));
}

function digestOf(measured: ReturnType<typeof measure>): number[][] {
  return [...measured.values()].map(({ voxels, hu, boundingBox: { min, max }, centroidMm }) => [
    voxels,
    hu.mean,
    hu.std,
    hu.p50,
    hu.p95,
    min[0],
    max[2],
    (centroidMm[1] - AFFINE[7]!) / AFFINE[5]!,
  ]);
}

function sizesOf(mask: LabelMap, connectivity: 6 | 26): number[][] {
  return [...components(mask, connectivity).values()].map(({ count, sizes }) => [
    count,
    sizes[0]!,
    sizes.at(-1)!,
  ]);
}

function runSide(folder: string, side: Side): Measured {
  const [command, args] = side.startsWith('ours')
    ? [process.execPath, [import.meta.filename, folder, side]]
    : [PYTHON, ['-c', NUMPY, folder, side]];
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) console.error(stderr);
  return JSON.parse(stdout) as Measured;
}

/** Whether two sides found the same, to the rounding of their sums. */
function agree(a: Measured, b: Measured): boolean {
  const [flatA, flatB] = [a.found.flat(), b.found.flat()];
  return (
    flatA.length === flatB.length &&
    flatA.every((v, n) => Math.abs(v - flatB[n]!) <= 1e-9 * (1 + Math.abs(v)))
  );
}

function compare(): void {
  const folder = mkdtempSync(join(tmpdir(), 'hpb-bench-'));
  try {
    writeCase(folder);
    const rounds = Array.from({ length: ROUNDS }, () =>
      SIDES.map((side) => [side, runSide(folder, side)] as const),
    );
    report(new Map(SIDES.map((side, n) => [side, rounds.map((round) => round[n]![1])])));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function report(measured: ReadonlyMap<Side, readonly Measured[]>): void {
  console.log(machineFacts());
  const voxels = measured.get('ours')![0]!.found.reduce((sum, [n]) => sum + n!, 0);
  console.log(
    `10 labels, ${((100 * voxels) / (DIMS[0] * DIMS[1] * DIMS[2])).toFixed(1)} % of 512 x 512 x 300`,
  );
  for (const [side, runs] of measured) {
    console.log(`${side.padEnd(16)}${runs.map(({ seconds }) => seconds.toFixed(3)).join(' / ')} s`);
  }
  const pairs = [
    ['ours', 'numpy-masks', 0.5],
    ['ours', 'numpy-boxes', null],
    ['ours', 'numpy-bincount', null],
    ['ours-6', 'scipy-6', 0.1],
    ['ours-26', 'scipy-26', 0.1],
  ] as const;
  for (const [ours, theirs, bound] of pairs) {
    const [a, b] = [measured.get(ours)!, measured.get(theirs)!];
    const ratio = median(a.map(({ seconds }) => seconds)) / median(b.map(({ seconds }) => seconds));
    const same = agree(a[0]!, b[0]!) ? 'same figures' : 'DIFFERENT FIGURES';
    const verdict = bound === null ? '' : `, bound ${bound}: ${ratio <= bound ? 'met' : 'MISSED'}`;
    console.log(`${ours} / ${theirs}: ${ratio.toFixed(3)}${verdict} (${same})`);
  }
}

const [folder, side] = process.argv.slice(2);
if (folder === undefined) compare();
else runOurs(folder, side as Side);
