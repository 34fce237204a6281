import { colourOf, hexColour } from '../core/results/pictures/layers.ts';
import type { StructureFacts } from '../core/results/metadata-schema.ts';
import { el, table, type Child } from './dom.ts';
import { figure, ml, plainName } from './words.ts';

/** One name for a structure of a model, for pages with several models. */
export const structureKey = ({ model, label }: Pick<StructureFacts, 'model' | 'label'>): string =>
  `${model}-${label}`;

/** The structures that are not empty, with boxes that show and hide them in the pictures. */
export function structureList(
  structures: readonly StructureFacts[],
  onHidden: (hidden: ReadonlySet<string>) => void,
): HTMLElement {
  const hidden = new Set<string>();
  const found = structures.filter(({ voxels }) => voxels > 0);
  const boxes = found.map((structure) => box(structure, hidden, onHidden));
  const rows = found.map((structure, at): readonly Child[] => [
    label(structure, boxes[at]!),
    ml(structure.volumeMl),
    structure.hu === null ? '–' : figure(structure.hu.mean),
    figure(structure.components.count),
  ]);
  const all = (shown: boolean) => (): void => {
    for (const one of boxes) one.checked = shown;
    hidden.clear();
    if (!shown) for (const structure of found) hidden.add(structureKey(structure));
    onHidden(hidden);
  };
  const empty = structures.length - found.length;
  return el(
    'section',
    { 'aria-labelledby': 'structures' },
    el('h2', { id: 'structures' }, 'Structures'),
    found.length < 4
      ? null
      : el(
          'div',
          { class: 'actions' },
          el('button', { type: 'button', onclick: all(true) }, 'Show all'),
          el('button', { type: 'button', onclick: all(false) }, 'Hide all'),
        ),
    table('Structures and what is shown', ['Structure', 'Volume', 'Mean HU', 'Parts'], rows),
    empty === 0 ? null : el('p', { class: 'note' }, `${empty} more were looked for and not found.`),
  );
}

function box(
  structure: StructureFacts,
  hidden: Set<string>,
  onHidden: (hidden: ReadonlySet<string>) => void,
): HTMLInputElement {
  const input = el('input', { type: 'checkbox', checked: true });
  input.addEventListener('change', () => {
    if (input.checked) hidden.delete(structureKey(structure));
    else hidden.add(structureKey(structure));
    onHidden(hidden);
  });
  return input;
}

function label({ name, label }: StructureFacts, input: HTMLInputElement): HTMLElement {
  const swatch = el('span', { class: 'swatch', 'aria-hidden': 'true' });
  swatch.style.background = hexColour(colourOf(name, label));
  return el('label', { class: 'structure' }, input, swatch, plainName(name));
}
