import type { Metadata } from '../core/results/metadata-schema.ts';
import { el, table, type Child } from './dom.ts';
import { figure, ml, plainName } from './words.ts';

type Hpb = Metadata['hpb'];
type Lesion = NonNullable<Hpb['lesions']>[number];

const VERDICTS: Readonly<Record<Metadata['quality']['verdict'], string>> = {
  ok: 'Nothing found that speaks against this result',
  review: 'Look at this result before you use it',
  reject: 'Do not use this result',
};

/** The verdict with its reasons, in the words of the rules. */
export function verdictBox({ quality }: Metadata): HTMLElement {
  const { verdict, reasons } = quality;
  return el(
    'section',
    { class: 'verdict', 'data-verdict': verdict, 'aria-label': 'Quality' },
    el('p', {}, el('strong', {}, VERDICTS[verdict])),
    reasons.length === 0
      ? null
      : el(
          'ul',
          {},
          ...reasons.map(({ message, structure, value, bound }) =>
            el(
              'li',
              {},
              `${structure === null ? '' : `${plainName(structure)}: `}${message} `,
              el('span', { class: 'note' }, `(${value}; fine: ${bound})`),
            ),
          ),
        ),
  );
}

interface Measure {
  readonly name: string;
  readonly field: keyof Hpb;
  readonly words: (hpb: Hpb) => string | null;
}

const volume =
  (field: 'liverVolumeMl' | 'liverVolumeWithoutTumoursMl' | 'tumourVolumeMl' | 'vesselVolumeInLiverMl') =>
  (hpb: Hpb): string | null =>
    hpb[field] === null ? null : ml(hpb[field]);
const number =
  (field: 'lesionCount' | 'lesionsTouchingVessel') =>
  (hpb: Hpb): string | null =>
    hpb[field] === null ? null : figure(hpb[field]);

const MEASURES: readonly Measure[] = [
  { name: 'Liver with tumours', field: 'liverVolumeMl', words: volume('liverVolumeMl') },
  {
    name: 'Liver without tumours',
    field: 'liverVolumeWithoutTumoursMl',
    words: volume('liverVolumeWithoutTumoursMl'),
  },
  { name: 'Tumours', field: 'tumourVolumeMl', words: volume('tumourVolumeMl') },
  {
    name: 'Tumour burden',
    field: 'tumourBurdenPercent',
    words: ({ tumourBurdenPercent: percent }) => (percent === null ? null : `${figure(percent, 1)} %`),
  },
  { name: 'Vessels in the liver', field: 'vesselVolumeInLiverMl', words: volume('vesselVolumeInLiverMl') },
  { name: 'Lesions', field: 'lesionCount', words: number('lesionCount') },
  { name: 'Lesions at a vessel', field: 'lesionsTouchingVessel', words: number('lesionsTouchingVessel') },
  {
    name: 'Contrast phase (guess)',
    field: 'contrastPhase',
    words: ({ contrastPhase: phase }) => phase?.phase ?? null,
  },
];

/** The measures of liver, tumours and vessels; what is not measured says why. */
export function measureList({ hpb }: Metadata): HTMLElement {
  const entries = MEASURES.map(({ name, field, words }) => ({
    name,
    words: words(hpb),
    reason: hpb.nullReasons[field] ?? null,
  }));
  const measured = entries.filter((entry) => entry.words !== null);
  const others = entries.filter((entry) => entry.words === null);
  return el(
    'section',
    { 'aria-labelledby': 'measures' },
    el('h2', { id: 'measures' }, 'Measures'),
    el('dl', { class: 'figures' }, ...measured.map(({ name, words }) => pair(name, words))),
    others.length === 0
      ? null
      : el(
          'details',
          {},
          el('summary', {}, `${others.length} not measured`),
          el('dl', { class: 'reasons' }, ...others.map(({ name, reason }) => pair(name, reason))),
        ),
  );
}

const pair = (name: string, words: string | null): HTMLElement =>
  el('div', {}, el('dt', {}, name), el('dd', {}, words));

/** The lesions, largest first as metadata.json has them; null when there are none to show. */
export function lesionTable({ hpb }: Metadata, onShow: (lesion: Lesion) => void): HTMLElement | null {
  const { lesions } = hpb;
  if (lesions === null || lesions.length === 0) return null;
  const rows = lesions.map((lesion, at): readonly Child[] => [
    el(
      'button',
      {
        type: 'button',
        class: 'quiet',
        'aria-label': `Show lesion ${at + 1}`,
        onclick: () => onShow(lesion),
      },
      String(at + 1),
    ),
    ml(lesion.volumeMl),
    millimetres(lesion.longestAxialDiameterMm),
    millimetres(lesion.longestDiameterMm),
    millimetres(lesion.nearestVesselMm),
  ]);
  const lesionRows = table(
    'Lesions, largest first: volume, longest diameters, distance to the nearest vessel',
    ['No.', 'Volume', 'Axial, mm', '3-D, mm', 'To vessel, mm'],
    rows,
  );
  return el('section', { 'aria-labelledby': 'lesions' }, el('h2', { id: 'lesions' }, 'Lesions'), lesionRows);
}

const millimetres = (mm: number | null): string => (mm === null ? '–' : figure(mm, 1));

/** Where the result comes from. */
export function provenanceBox({ provenance, grid }: Metadata): HTMLElement {
  const { models, weights, service, input } = provenance;
  return el(
    'details',
    {},
    el('summary', {}, 'Where this comes from'),
    el(
      'dl',
      { class: 'reasons' },
      pair(
        'CT',
        `${grid.dims.join(' × ')} voxels of ${grid.spacingMm.map((mm) => figure(mm, 2)).join(' × ')} mm`,
      ),
      pair('CT, sha256', input.sha256),
      ...models.map(({ title, licence }) => pair('Model', `${title}; licence of the weights: ${licence}`)),
      ...weights.map(({ id, demo }) => pair('Weights', demo ? `${id} (DEMO)` : id)),
      pair('Program', `${service.name} ${service.version}`),
    ),
  );
}
