import { describe, expect, it } from 'vitest';
import { HpbError } from '../../../core/errors.ts';
import { makePhantom, phantomGrid } from '../../../core/volume/phantom.ts';
import type { Phantom } from '../../../core/volume/phantom.ts';
import { LIVER_ORGAN_LABELS, PHANTOM_LABELS } from '../../../core/volume/phantom/labels.ts';
import type { PhantomLabel } from '../../../core/volume/phantom/labels.ts';
import { determinant3, spacingOf, voxelCount } from '../../../core/volume/volume.ts';
import type { Grid } from '../../../core/volume/volume.ts';

const SEEDS = [1, 3, 12];
const small = new Map(SEEDS.map((seed) => [seed, makePhantom({ seed, grid: phantomGrid('small') })]));

function structure(phantom: Phantom, name: PhantomLabel): Phantom['structures'][number] {
  return phantom.structures.find((candidate) => candidate.name === name)!;
}

function organMl(phantom: Phantom): number {
  return (
    structure(phantom, 'liver').voxelMl +
    structure(phantom, 'liver_vessels').voxelMl +
    structure(phantom, 'liver_tumor').voxelMl
  );
}

const OFFSET = 1024;
const BINS = 4096;

/** Best Dice of any window [low, high] in HU against the voxels of `labels`, by cumulative histograms. */
function bestWindowDice({ ct, truth }: Phantom, labels: readonly number[]): number {
  const all = new Float64Array(BINS + 1);
  const wanted = new Float64Array(BINS + 1);
  for (const [at, hu] of ct.data.entries()) {
    all[hu + OFFSET + 1]! += 1;
    if (labels.includes(truth.data[at]!)) wanted[hu + OFFSET + 1]! += 1;
  }
  for (let bin = 1; bin <= BINS; bin++) {
    all[bin]! += all[bin - 1]!;
    wanted[bin]! += wanted[bin - 1]!;
  }
  const size = wanted[BINS]!;
  let best = 0;
  for (let low = 0; low < BINS; low++) {
    for (let high = low + 1; high <= Math.min(low + 600, BINS); high++) {
      const dice = (2 * (wanted[high]! - wanted[low]!)) / (size + all[high]! - all[low]!);
      if (dice > best) best = dice;
    }
  }
  return best;
}

/** Mean position in world mm of the voxels with `label`. */
function centroid({ grid, data }: Phantom['truth'], label: number): number[] {
  const [nx, ny] = grid.dims;
  const sum = [0, 0, 0];
  let count = 0;
  for (const [at, value] of data.entries()) {
    if (value !== label) continue;
    const index = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny)), 1];
    for (let row = 0; row < 3; row++) {
      for (let column = 0; column < 4; column++) sum[row]! += grid.affine[4 * row + column]! * index[column]!;
    }
    count++;
  }
  return sum.map((value) => value / count);
}

describe('phantom anatomy', () => {
  it.each(SEEDS)('gives patient %i every structure, in plausible volumes', (seed) => {
    const phantom = small.get(seed)!;

    expect(phantom.structures.map(({ name }) => name)).toEqual(Object.keys(PHANTOM_LABELS));
    expect(phantom.structures.filter(({ voxelMl }) => voxelMl < 8)).toEqual([]);
    expect(organMl(phantom)).toBeGreaterThan(1100);
    expect(organMl(phantom)).toBeLessThan(1900);
    expect(structure(phantom, 'liver_vessels').voxelMl).toBeGreaterThan(45);
  });

  it.each(SEEDS)('gives patient %i two to four tumours of 9 to 24 mm, one of them at a vessel', (seed) => {
    const { lesions } = structure(small.get(seed)!, 'liver_tumor');
    const radii = lesions.flatMap((lesion) => lesion.radii);

    expect(lesions.length).toBeGreaterThanOrEqual(2);
    expect(lesions.length).toBeLessThanOrEqual(4);
    expect(lesions[0]!.touchesVessel).toBe(true);
    expect(Math.min(...radii)).toBeGreaterThan(8);
    expect(Math.max(...radii)).toBeLessThan(24);
  });

  it('cannot be confused with its mirror image along any axis', () => {
    const { truth } = small.get(1)!;
    const [nx, ny, nz] = truth.grid.dims;
    const liver = (i: number, j: number, k: number): number =>
      Number(truth.data[i + nx * (j + ny * k)] === PHANTOM_LABELS.liver);
    const both = [0, 0, 0];
    let size = 0;
    for (let k = 0; k < nz; k++) {
      for (let j = 0; j < ny; j++) {
        for (let i = 0; i < nx; i++) {
          if (liver(i, j, k) === 0) continue;
          size++;
          both[0]! += liver(nx - 1 - i, j, k);
          both[1]! += liver(i, ny - 1 - j, k);
          both[2]! += liver(i, j, nz - 1 - k);
        }
      }
    }

    for (const overlap of both) expect(overlap / size).toBeLessThan(0.85);
  });

  it('puts organs on the right sides of an RAS+ frame', () => {
    const { truth } = small.get(1)!;
    const liver = centroid(truth, PHANTOM_LABELS.liver);
    const spleen = centroid(truth, PHANTOM_LABELS.spleen);
    const spine = centroid(truth, PHANTOM_LABELS.vertebrae);
    const lung = centroid(truth, PHANTOM_LABELS.lung_lower_lobe_right);
    const colon = centroid(truth, PHANTOM_LABELS.colon);

    expect(liver[0]).toBeGreaterThan(30);
    expect(spleen[0]).toBeLessThan(-60);
    expect(spine[1]).toBeLessThan(liver[1]! - 30);
    expect(lung[2]).toBeGreaterThan(colon[2]! + 80);
  });
});

describe('phantom grey values', () => {
  it.each(SEEDS)('give no HU window that finds liver, vessels or tumours of patient %i', (seed) => {
    const phantom = small.get(seed)!;

    expect(bestWindowDice(phantom, LIVER_ORGAN_LABELS)).toBeLessThanOrEqual(0.5);
    expect(bestWindowDice(phantom, [PHANTOM_LABELS.liver_vessels])).toBeLessThanOrEqual(0.4);
    expect(bestWindowDice(phantom, [PHANTOM_LABELS.liver_tumor])).toBeLessThanOrEqual(0.4);
  });

  it('follow the tissues: vessels brighter and tumours darker than the liver, lungs near air', () => {
    const { ct, truth } = small.get(1)!;
    const mean = (label: number): number => {
      const values = ct.data.filter((_, at) => truth.data[at] === label);
      return values.reduce((sum, hu) => sum + hu, 0) / values.length;
    };

    expect(mean(PHANTOM_LABELS.liver_vessels) - mean(PHANTOM_LABELS.liver)).toBeGreaterThan(25);
    expect(mean(PHANTOM_LABELS.liver) - mean(PHANTOM_LABELS.liver_tumor)).toBeGreaterThan(20);
    expect(mean(PHANTOM_LABELS.lung_lower_lobe_left)).toBeLessThan(-650);
  });
});

describe('phantom sampling', () => {
  it('is the same for the same seed and differs for another', () => {
    const grid = phantomGrid('small', { spacing: [6, 6, 6] });

    const [first, again, other] = [7, 7, 8].map((seed) => makePhantom({ seed, grid })) as [
      Phantom,
      Phantom,
      Phantom,
    ];

    expect(again.ct.data).toEqual(first.ct.data);
    expect(again.truth.data).toEqual(first.truth.data);
    expect(other.truth.data).not.toEqual(first.truth.data);
  });

  it.each([
    ['LPS', [0, 0, 0] as const],
    ['SAR', [0, 0, 0] as const],
    ['IPL', [0, 0, 0] as const],
    ['RAS', [12, -9, 15] as const],
  ])('puts the same patient on a %s grid turned by %j degrees', (orientation, oblique) => {
    const grid = phantomGrid('small', { orientation, oblique });
    const turned = makePhantom({ seed: 1, grid });
    const straight = small.get(1)!;

    for (const name of ['liver', 'gallbladder', 'liver_tumor'] as const) {
      const label = PHANTOM_LABELS[name];
      const shift = centroid(turned.truth, label).map(
        (mm, axis) => mm - centroid(straight.truth, label)[axis]!,
      );
      expect(Math.hypot(...shift)).toBeLessThan(1.5);
    }
    expect(Math.abs(organMl(turned) / organMl(straight) - 1)).toBeLessThan(0.02);
  });

  it('fills the analytic volume of the tumours within 5 % on an anisotropic grid', () => {
    const grid = phantomGrid('small', { spacing: [1.5, 1.5, 4] });

    const { analyticMl, voxelMl } = structure(makePhantom({ seed: 1, grid }), 'liver_tumor');

    expect(Math.abs(voxelMl / analyticMl! - 1)).toBeLessThan(0.05);
  });

  it('makes other scans with randomised difficulty, the liver still mostly there', () => {
    const grid = phantomGrid('small', { spacing: [6, 6, 6] });

    const volumes = [21, 22, 23, 24].map((seed) =>
      organMl(makePhantom({ seed, grid, difficulty: 'randomised' })),
    );

    expect(Math.min(...volumes)).toBeGreaterThan(300);
    expect(new Set(volumes.map((ml) => ml.toFixed(0))).size).toBe(4);
  });
});

describe('phantom grids', () => {
  const middle = ({ dims, affine }: Grid): number[] =>
    [0, 1, 2].map((row) =>
      [0, 1, 2].reduce((sum, c) => sum + (affine[4 * row + c]! * (dims[c]! - 1)) / 2, affine[4 * row + 3]!),
    );

  it('come in two sizes', () => {
    expect(phantomGrid('small').dims).toEqual([120, 96, 88]);
    expect(phantomGrid('full').dims).toEqual([512, 512, 200]);
    expect(spacingOf(phantomGrid('full').affine)).toEqual([0.75, 0.75, 1.5]);
  });

  it('exist in all 48 orientations, each centred and with the same voxels', () => {
    const orders = ['RAS', 'RSA', 'ARS', 'ASR', 'SRA', 'SAR'];
    const flip = { R: 'L', A: 'P', S: 'I' } as Record<string, string>;
    const orientations = orders.flatMap((order) =>
      Array.from({ length: 8 }, (_, mask) =>
        order.replaceAll(/./gu, (letter, at: number) => ((mask >> at) & 1 ? flip[letter]! : letter)),
      ),
    );

    const grids = orientations.map((orientation) => phantomGrid('small', { orientation }));

    expect(new Set(grids.map(({ affine }) => affine.join())).size).toBe(48);
    for (const grid of grids) {
      expect(voxelCount(grid.dims)).toBe(120 * 96 * 88);
      expect(Math.abs(determinant3(grid.affine))).toBeCloseTo(27, 9);
      expect(Math.hypot(...middle(grid))).toBeLessThan(1e-9);
    }
  });

  it.each(['RAR', 'RA', 'RASX', 'xyz'])('refuse the orientation %s', (orientation) => {
    expect(() => phantomGrid('small', { orientation })).toThrow(HpbError);
  });
});
