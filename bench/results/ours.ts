/**
 * Our side of `npm run bench:results`, bundled for it as the image and the packed command are, in a process that must be
 * fresh: `ours.js FOLDER` makes the package of the case in the folder and prints what it took as JSON.
 */
import { join } from 'node:path';
import { stdout } from 'node:process';
import { reportCase } from '../../local/report-case.ts';
import { watchHeld, type Held } from '../held.ts';
import { MASKS } from './masks.ts';

/** What a side took and found. */
export interface Measured {
  readonly seconds: number;
  readonly peakBytes: number;
  /** CPU time of the process with all its threads, s; modules are loaded before. */
  readonly cpuSeconds: number;
  /** Null for Python, which has no event loop. */
  readonly held: Held | null;
  /** Voxels, components and mean HU by `<mask>/<label>`. */
  readonly found: Readonly<Record<string, readonly number[]>>;
}

async function runOurs(folder: string): Promise<Measured> {
  const masks = Object.keys(MASKS).map((mask) => ({
    path: join(folder, `${mask}.nii.gz`),
    structure: null,
    value: null,
  }));
  const stopWatching = watchHeld();
  const cpu = process.cpuUsage();
  const start = performance.now();
  const { metadata } = await reportCase(
    { ct: join(folder, 'ct.nii.gz'), masks, name: 'bench', out: join(folder, 'out') },
    { settings: {}, serviceVersion: 'bench', signal: new AbortController().signal },
  );
  const found = metadata.structures
    .filter(({ voxels }) => voxels > 0)
    .map(({ model, label, voxels, components, hu }) => [
      `${model}/${label}`,
      [voxels, components?.count ?? NaN, hu?.mean ?? NaN],
    ]);
  const { user, system } = process.cpuUsage(cpu);
  return {
    seconds: (performance.now() - start) / 1000,
    cpuSeconds: (user + system) / 1e6,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    held: stopWatching(),
    found: Object.fromEntries(found),
  };
}

stdout.write(JSON.stringify(await runOurs(process.argv[2]!)));
