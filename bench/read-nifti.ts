import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeNifti } from '../adapters/nifti-file.ts';
import { bundleForImage } from '../scripts/bundle-worker.ts';
import type { Volume } from '../core/volume/volume.ts';

/**
 * Reading a clinical CT (512 x 512 x 300, int16, 157 MB raw): our reader, bundled as the image runs it, against
 * nibabel, each in a process of its own, taking turns, time without the start of the process.
 * `node bench/read-nifti.ts`
 */
const ROUNDS = 3;
const DIMS = [512, 512, 300] as const;
const RAW_BYTES = 2 * DIMS[0] * DIMS[1] * DIMS[2];

const NIBABEL = `
import sys, time, json, resource
import numpy as np, nibabel as nib
start = time.perf_counter()
total = np.asarray(nib.load(sys.argv[1]).dataobj).shape
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
`;

const OURS = `
const { readNifti } = await import(process.argv[1]);
const start = performance.now();
const { data } = await readNifti(process.argv[2]);
const seconds = (performance.now() - start) / 1000;
if (data.byteLength !== ${RAW_BYTES}) process.exit(1);
console.log(JSON.stringify({ seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }));
`;

interface Measured {
  readonly seconds: number;
  readonly peakBytes: number;
}

/** A body of noise in air: compresses about as well as a patient does. */
function noisyCt(): Volume {
  const [nx, ny, nz] = DIMS;
  const data = new Int16Array(nx * ny * nz);
  let state = 1;
  for (let z = 0, at = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, at++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        const inside = ((x - 256) / 200) ** 2 + ((y - 256) / 150) ** 2 < 1;
        // The sum of four bytes of the generator: about normal, SD 14 HU.
        const noise =
          ((state >>> 24) + ((state >>> 16) & 255) + ((state >>> 12) & 255) + ((state >>> 20) & 255) - 510) /
          10;
        data[at] = Math.round((inside ? 60 : -1000) + noise);
      }
    }
  }
  const affine = [0.78, 0, 0, -200, 0, 0.78, 0, -200, 0, 0, 1.25, 0, 0, 0, 0, 1];
  return { grid: { dims: DIMS, affine }, data, slope: 1, intercept: 0 };
}

/** Type stripping alone would add 40 MB to the peak. Returns the URL of the module. */
async function bundledReader(folder: string): Promise<string> {
  await bundleForImage({ 'nifti-file': join(import.meta.dirname, '../adapters/nifti-file.ts') }, folder);
  const outfile = join(folder, 'nifti-file.js');
  return pathToFileURL(outfile).href;
}

function measure(command: string, args: readonly string[]): Measured {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) console.error(stderr);
  return JSON.parse(stdout) as Measured;
}

async function compare(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'hpb-bench-'));
  try {
    const path = join(folder, 'ct.nii.gz');
    await writeNifti(path, noisyCt(), { level: 6 });
    const reader = await bundledReader(folder);
    const ours: Measured[] = [];
    const theirs: Measured[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      ours.push(measure(process.execPath, ['--input-type=module', '-e', OURS, reader, path]));
      theirs.push(measure(join(import.meta.dirname, '../.venv/bin/python'), ['-c', NIBABEL, path]));
    }
    const best = (side: readonly Measured[]): number => Math.min(...side.map(({ seconds }) => seconds));
    const peak = (side: readonly Measured[]): number => Math.max(...side.map(({ peakBytes }) => peakBytes));
    const row = (name: string, side: readonly Measured[]): string =>
      `${name.padEnd(8)} ${side.map(({ seconds }) => seconds.toFixed(2)).join(' / ')} s   peak ${(peak(side) / 1e6).toFixed(0)} MB = ${(peak(side) / RAW_BYTES).toFixed(2)} x raw`;
    console.log(row('ours', ours));
    console.log(row('nibabel', theirs));
    console.log(`time: ${(best(ours) / best(theirs)).toFixed(2)} of nibabel's`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await compare();
