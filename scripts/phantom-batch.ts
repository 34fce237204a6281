/**
 * Writes phantoms as raw volumes for the training script of the demo networks:
 * `node scripts/phantom-batch.ts --out DIR --seeds 100-159 --spacing 1.5 [--randomised] [--dims 120,96,88]`.
 *
 * Per seed: `<seed>_ct.raw` (int16, little-endian, F order, HU), `<seed>_truth.raw` (uint8, same order) and
 * `<seed>.json` (`dims`, `spacing`, row-major 4x4 `affine` voxel -> RAS+ mm, `labels` name -> number,
 * `structures`). `--spacing` takes one number or three (x,y,z in mm); without `--dims` the field of view of
 * the small phantom is kept.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makePhantom, phantomGrid } from '../core/volume/phantom.ts';
import { PHANTOM_LABELS } from '../core/volume/phantom/labels.ts';
import type { Vec } from '../core/volume/phantom/shapes.ts';
import { spacingOf } from '../core/volume/volume.ts';
import { commandOptions } from './command-options.ts';

function triple(text: string): Vec {
  const numbers = text.split(',').map(Number);
  const [x, y = x, z = x] = numbers as [number, number?, number?];
  return [x, y, z];
}

const values = commandOptions(import.meta.filename, {
  out: { type: 'string' },
  seeds: { type: 'string', default: '0-0' },
  spacing: { type: 'string', default: '3' },
  dims: { type: 'string' },
  orientation: { type: 'string', default: 'RAS' },
  randomised: { type: 'boolean', default: false },
});
const out = values.out ?? 'phantoms';
const [first, last = first] = values.seeds.split('-').map(Number) as [number, number?];
const dims = values.dims === undefined ? {} : { dims: triple(values.dims) };
const grid = phantomGrid('small', {
  spacing: triple(values.spacing),
  orientation: values.orientation,
  ...dims,
});
await mkdir(out, { recursive: true });
for (let seed = first; seed <= last; seed++) {
  const { ct, truth, structures } = makePhantom({
    seed,
    grid,
    difficulty: values.randomised ? 'randomised' : 'plain',
  });
  const facts = {
    seed,
    dims: grid.dims,
    spacing: spacingOf(grid.affine),
    affine: grid.affine,
    labels: PHANTOM_LABELS,
    structures,
  };
  await writeFile(join(out, `${seed}_ct.raw`), new Uint8Array(ct.data.buffer));
  await writeFile(join(out, `${seed}_truth.raw`), truth.data);
  await writeFile(join(out, `${seed}.json`), `${JSON.stringify(facts)}\n`);
  console.log(
    `seed ${seed}: ${structures
      .slice(0, 3)
      .map(({ name, voxelMl }) => `${name} ${voxelMl.toFixed(0)} ml`)
      .join(', ')}`,
  );
}
