import { HpbError } from '../core/errors.ts';
import { MESH_FORMATS, type MeshFormat } from '../core/results/meshed-structures.ts';
import type { VersionFacts } from './api.ts';
import { el } from './dom.ts';
import { jobLimits } from './job-limits.ts';
import { modelChoice } from './model-choice.ts';
import type { Order, Uploads } from './uploads.ts';

/** The form that takes files: dropped or chosen, each one an upload that becomes a job. */
export function newCase({ models, offers }: VersionFacts, uploads: Uploads): HTMLElement {
  const input = el('input', { type: 'file', id: 'file', multiple: true, class: 'unseen' });
  const { element: choices, chosen } = modelChoice(models);
  const options = optionFields();
  const limits = jobLimits(offers);
  const take = (files: Iterable<File>, folders: readonly string[] = []): void => {
    if (!limits.areValid()) return;
    const order = { target: chosen(), options: options.values(), limits: limits.values() };
    for (const file of files) {
      if (folders.includes(file.name)) uploads.refuse(file, isFolder());
      else uploads.start(file, order);
    }
  };
  input.addEventListener('change', () => {
    if (input.files !== null) take(input.files);
    // The same file may be chosen again.
    input.value = '';
  });
  const zone = el(
    'label',
    { for: 'file', class: 'drop' },
    el('span', { class: 'title' }, 'Drop a CT here, or choose a file'),
    el('span', { class: 'note' }, 'NIfTI (.nii, .nii.gz), or an archive of several (.zip, .tar.gz)'),
  );
  const card = el(
    'section',
    { class: 'card', 'aria-labelledby': 'new-case' },
    el('h2', { id: 'new-case' }, 'New case'),
    choices,
    options.element,
    limits.element,
    input,
    zone,
    uploads.element,
  );
  takeDrops(card, zone, take);
  return card;
}

function takeDrops(
  area: HTMLElement,
  zone: HTMLElement,
  take: (files: Iterable<File>, folders: readonly string[]) => void,
): void {
  area.addEventListener('dragover', () => zone.classList.add('over'));
  for (const name of ['dragleave', 'drop']) area.addEventListener(name, () => zone.classList.remove('over'));
  area.addEventListener('drop', ({ dataTransfer }) => {
    if (dataTransfer === null) return;
    const entries = [...dataTransfer.items].map((item) => item.webkitGetAsEntry());
    const folders = entries.filter((entry) => entry?.isDirectory === true).map((entry) => entry!.name);
    take(dataTransfer.files, folders);
  });
}

function isFolder(): HpbError {
  return new HpbError('INPUT_IS_FOLDER', 'This is a folder, which a browser cannot send.', {
    remedy: 'Pack it as a .zip or .tar.gz and drop that, or use `npx hpb submit FOLDER`.',
  });
}

function optionFields(): { readonly element: HTMLElement; readonly values: () => Order['options'] } {
  const fast = el('input', { type: 'checkbox', checked: true });
  const tta = el('input', { type: 'checkbox' });
  const folds = el(
    'select',
    {},
    el('option', { value: '0' }, 'One network (fold 0)'),
    el('option', { value: '0,1,2,3,4' }, 'All five networks'),
  );
  const meshes = el(
    'select',
    {},
    el('option', { value: '' }, 'for the viewer only'),
    ...MESH_FORMATS.map((format) => el('option', { value: format }, `as ${format.toUpperCase()} too`)),
  );
  const element = el(
    'details',
    { class: 'options' },
    el('summary', {}, 'Options'),
    el('label', {}, fast, ' Fast: TotalSegmentator at 3 mm'),
    el('label', {}, tta, ' Vessels and tumours: test-time augmentation (slower, steadier)'),
    el('label', {}, 'Vessels and tumours: ', folds),
    el('label', {}, 'Meshes: ', meshes),
  );
  const values = (): Order['options'] => ({
    fast: fast.checked,
    tta: tta.checked,
    folds: folds.value.split(',').map(Number),
    ...(meshes.value !== '' && { meshes: meshes.value as MeshFormat }),
  });
  return { element, values };
}
