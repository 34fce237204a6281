/**
 * Our figures beside those of numpy, scipy and SimpleITK on a CT with a TotalSegmentator mask (`total`, one file):
 * `npm run peers -- --ct F --seg F`. The mask has no lesions: the gallbladder plays one, the portal and splenic vein
 * the vessels, so that diameters and distances are tried on real shapes as well. Exit code 1 when a figure differs.
 */
import { readNifti } from '../../adapters/nifti-file.ts';
import { HpbError } from '../../core/errors.ts';
import { TOTAL_CLASSES } from '../../core/models/totalsegmentator-classes.ts';
import { affinesAgree } from '../../core/volume/orientation.ts';
import { disagreements, ourFigures, theirFigures, type PeerCase } from './peer-figures.ts';
import { commandOptions } from '../../scripts/command-options.ts';

const values = commandOptions(import.meta.filename, { ct: { type: 'string' }, seg: { type: 'string' } }, [
  'ct',
  'seg',
]);

const ct = await readNifti(values.ct);
const seg = await readNifti(values.seg);
if (seg.data.length !== ct.data.length || !affinesAgree(ct.grid, seg.grid.affine))
  throw new HpbError(
    'USAGE',
    `The mask has ${seg.grid.dims.join(' x ')} voxels, the CT ${ct.grid.dims.join(' x ')}.`,
    {
      remedy: 'Give a mask on the grid of the CT.',
    },
  );
const mask = {
  grid: ct.grid,
  data: Uint8Array.from(seg.data, (stored) => seg.slope * stored + seg.intercept),
};
const numbers = Object.fromEntries(
  Object.entries(TOTAL_CLASSES).map(([label, name]) => [name, Number(label)]),
);
const present = new Set(mask.data);
const compared: PeerCase = {
  ct,
  mask,
  labels: Object.fromEntries(Object.entries(numbers).filter(([, label]) => present.has(label))),
  sets: {
    liver: [numbers['liver']!, numbers['gallbladder']!],
    vessels: [numbers['portal_vein_and_splenic_vein']!],
    tumours: [numbers['gallbladder']!],
  },
};
const start = performance.now();
const ours = ourFigures(compared);
const between = performance.now();
const theirs = theirFigures(compared);
const end = performance.now();

const row = (cells: readonly string[]): string =>
  `${cells[0]!.padEnd(48)}${cells[1]!.padStart(14)}${cells[2]!.padStart(14)}`;
console.log(row(['figure', 'ours', 'theirs']));
for (const [name, value] of Object.entries(theirs))
  console.log(row([name, (ours[name] ?? NaN).toFixed(3), value.toFixed(3)]));
const apart = disagreements(ours, theirs);
console.log(
  `${Object.keys(theirs).length} figures, ${apart.length} differ; ours ${((between - start) / 1000).toFixed(2)} s, theirs ${((end - between) / 1000).toFixed(2)} s`,
);
for (const line of apart) console.log(line);
if (apart.length > 0) process.exitCode = 1;
