import type { Metadata, StructureFacts } from '../metadata-schema.ts';
import { html, type Html } from './html.ts';
import { table } from './table.ts';
import { figure, phaseText, titleOf } from './words.ts';

type Hpb = Metadata['hpb'];

/** The measures that most readers come for, a tile each; what was not measured says why. */
export function glance(hpb: Hpb): Html {
  const tiles = [
    tile(hpb, { field: 'liverVolumeMl', title: 'Liver', unit: 'ml' }),
    tile(hpb, { field: 'liverVolumeWithoutTumoursMl', title: 'Liver without tumours', unit: 'ml' }),
    tile(hpb, { field: 'lesionCount', title: 'Lesions found', unit: '', decimals: 0 }),
    tile(hpb, { field: 'tumourVolumeMl', title: 'Tumour volume', unit: 'ml' }),
    tile(hpb, { field: 'tumourBurdenPercent', title: 'Tumour share of the liver', unit: '%' }),
    tile(hpb, { field: 'lesionsTouchingVessel', title: 'Lesions touching a vessel', unit: '', decimals: 0 }),
    tile(hpb, { field: 'vesselVolumeInLiverMl', title: 'Vessels in the liver', unit: 'ml' }),
    nearestTile(hpb),
  ];
  const { contrastPhase, nullReasons } = hpb;
  const phase =
    contrastPhase === null
      ? html`not known <span class="why">${nullReasons['contrastPhase'] ?? ''}</span>`
      : html`${phaseText(contrastPhase)}`;
  return html`<dl class="glance">${tiles}</dl>
    <p>Contrast phase: ${phase}</p>`;
}

interface Tile {
  readonly field: Exclude<keyof Hpb, 'lesions' | 'contrastPhase' | 'nullReasons'>;
  readonly title: string;
  readonly unit: string;
  readonly decimals?: number;
}

function tile(hpb: Hpb, { field, title, unit, decimals = 1 }: Tile): Html {
  const value = hpb[field];
  return value === null
    ? missing(title, hpb.nullReasons[field] ?? '')
    : html`<div>
        <dt>${title}</dt>
        <dd class="value">${figure(value, decimals)} <small>${unit}</small></dd>
      </div>`;
}

const missing = (title: string, why: string): Html =>
  html`<div>
    <dt>${title}</dt>
    <dd class="value">–</dd>
    <dd class="why">${why}</dd>
  </div>`;

function nearestTile({ lesions, nullReasons }: Hpb): Html {
  const title = 'Nearest vessel to a lesion';
  if (lesions === null) return missing(title, nullReasons['lesions'] ?? '');
  const distances = lesions.flatMap(({ nearestVesselMm }) => nearestVesselMm ?? []);
  if (distances.length === 0)
    return missing(title, lesions[0]?.nullReasons['nearestVesselMm'] ?? 'No lesion was found.');
  return html`<div>
    <dt>${title}</dt>
    <dd class="value">${figure(Math.min(...distances), 1)} <small>mm</small></dd>
  </div>`;
}

/** Every lesion with its measures, the largest first; nothing where tumours were not looked for. */
export function lesionTable({ lesions, lesionCount }: Hpb): Html | null {
  if (lesions === null) return null;
  const heading = html`<h2 id="lesions">Lesions</h2>`;
  if (lesions.length === 0)
    return html`<section aria-labelledby="lesions">
      ${heading}
      <p>Tumours were looked for; none was found.</p>
    </section>`;
  const columns = [
    { title: 'Lesion' },
    { title: 'Volume, ml', figures: true },
    { title: 'Longest axial diameter, mm', figures: true },
    { title: 'Longest diameter, mm', figures: true },
    { title: 'To the nearest vessel, mm', figures: true },
    { title: 'Outside the liver, %', figures: true },
    { title: 'Centre (R, A, S), mm', figures: true },
  ] as const;
  const rows = lesions.map((lesion, at) => [
    String(at + 1),
    figure(lesion.volumeMl, 2),
    figure(lesion.longestAxialDiameterMm, 1),
    figure(lesion.longestDiameterMm, 1),
    lesion.touchesVessel === true ? 'touches' : figure(lesion.nearestVesselMm, 1),
    figure(lesion.outsideLiverPercent, 0),
    lesion.centroidMm.map((mm) => figure(mm, 0)).join(', '),
  ]);
  const more =
    (lesionCount ?? 0) > lesions.length
      ? `The ${lesions.length} largest of ${lesionCount} lesions`
      : 'Largest first';
  return html`<section aria-labelledby="lesions">${heading}${table(more, columns, rows)}</section>`;
}

/** All structures that were found, and the names of those that were not. */
export function structureTables({ structures }: Metadata): Html {
  const found = structures.filter(({ voxels }) => voxels > 0);
  const empty = structures.filter(({ voxels }) => voxels === 0);
  const columns = [
    { title: 'Structure' },
    { title: 'Volume, ml', figures: true },
    { title: 'Surface, cm²', figures: true },
    { title: 'HU mean ± sd', figures: true },
    { title: 'HU 5 % to 95 %', figures: true },
    { title: 'Parts', figures: true },
    { title: 'Cut by the scan' },
  ] as const;
  const missed =
    empty.length === 0
      ? null
      : html`<p>Looked for and not found: ${empty.map(({ name }) => titleOf(name)).join(', ')}.</p>`;
  return html`<section aria-labelledby="structures">
    <h2 id="structures">Structures</h2>
    ${table('Volume, surface and density of each structure', columns, found.map(structureRow))}${missed}
  </section>`;
}

function structureRow(structure: StructureFacts): readonly (Html | string)[] {
  const { name, volumeMl, surfaceAreaMm2, hu, components, touchesBorder } = structure;
  const sides = Object.entries(touchesBorder).flatMap(([side, touches]) => (touches ? [side] : []));
  return [
    titleOf(name),
    figure(volumeMl, volumeMl < 10 ? 2 : 1),
    figure(surfaceAreaMm2 === null ? null : surfaceAreaMm2 / 100, 1),
    hu === null ? '–' : `${figure(hu.mean, 0)} ± ${figure(hu.std, 0)}`,
    hu === null ? '–' : `${figure(hu.p5, 0)} to ${figure(hu.p95, 0)}`,
    String(components.count),
    sides.length === 0 ? 'no' : sides.join(', '),
  ];
}
