import { el } from '../dom.ts';
import { figure } from '../words.ts';
import type { Layout, Viewer } from './viewer.ts';

const LAYOUTS: readonly (readonly [Layout, string])[] = [
  ['planes', 'All'],
  ['axial', 'Axial'],
  ['coronal', 'Coronal'],
  ['sagittal', 'Sagittal'],
  ['solid', '3-D'],
];

/** HU that are black and white. */
const WINDOWS: Readonly<Record<string, readonly [number, number]>> = {
  'Soft tissue': [-100, 240],
  Liver: [0, 160],
  Vessels: [0, 400],
  Lung: [-1350, 150],
  Bone: [-450, 1050],
};

const AXES = [
  { axis: 2, name: 'Axial' },
  { axis: 1, name: 'Coronal' },
  { axis: 0, name: 'Sagittal' },
] as const;

/** Controls around a viewer: all that the mouse can do in its canvas, for the keyboard too. */
export function viewerPanel(stage: HTMLElement, viewer: Viewer): void {
  stage.prepend(
    el('div', { class: 'toolbar' }, layoutRadios(viewer), windowChoice(viewer), outlineBox(viewer)),
  );
  stage.append(sliders(stage, viewer));
}

function layoutRadios(viewer: Viewer): HTMLElement {
  const offered = LAYOUTS.filter(([layout]) => viewer.hasMeshes || layout !== 'solid');
  return el(
    'fieldset',
    { class: 'segments' },
    el('legend', { class: 'unseen' }, 'View'),
    ...offered.map(([layout, name], at) =>
      el(
        'label',
        {},
        el('input', {
          type: 'radio',
          name: 'layout',
          checked: at === 0,
          onchange: () => viewer.layOut(layout),
        }),
        el('span', {}, name),
      ),
    ),
  );
}

function windowChoice(viewer: Viewer): HTMLElement {
  const select = el('select', {}, ...Object.keys(WINDOWS).map((name) => el('option', {}, name)));
  select.addEventListener('change', () => {
    const [black, white] = WINDOWS[select.value]!;
    viewer.setWindow(black, white);
  });
  return el('label', {}, 'Window ', select);
}

function outlineBox(viewer: Viewer): HTMLElement {
  const box = el('input', { type: 'checkbox' });
  box.addEventListener('change', () => viewer.outline(box.checked));
  return el('label', {}, box, ' Outlines');
}

function sliders(stage: HTMLElement, viewer: Viewer): HTMLElement {
  const canvas = stage.querySelector('canvas')!;
  const readout = el('output', { class: 'readout' });
  const rows = AXES.map(({ axis, name }) => {
    const count = viewer.dims[axis];
    const text = el('span', { class: 'note' });
    const input = el('input', {
      type: 'range',
      min: 0,
      max: count - 1,
      step: 1,
      'aria-label': `${name} slice`,
    });
    input.addEventListener('input', () => viewer.moveTo(axis, input.valueAsNumber));
    const show = (index: number): void => {
      input.value = String(index);
      text.textContent = `${index + 1} / ${count}`;
    };
    return { axis, show, element: el('label', { class: 'slider' }, el('span', {}, name), input, text) };
  });
  viewer.onPlace = ({ voxel, hu, structures }) => {
    for (const { axis, show } of rows) show(voxel[axis]);
    const names = structures.length === 0 ? 'no structure' : structures.join(', ');
    readout.textContent = `${figure(hu)} HU · ${names}`;
    canvas.setAttribute(
      'aria-label',
      `CT with masks. Axial slice ${voxel[2] + 1}, coronal ${voxel[1] + 1}, sagittal ${voxel[0] + 1}: ${readout.textContent}`,
    );
  };
  return el('div', { class: 'sliders' }, ...rows.map(({ element }) => element), readout);
}
