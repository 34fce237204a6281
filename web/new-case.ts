import { asHpbError, HpbError } from '../core/errors.ts';
import type { JobAnswer, SubmitRequest } from '../core/requests.ts';
import { api, type VersionFacts } from './api.ts';
import { announce, el } from './dom.ts';
import { modelChoice, type ModelChoice } from './model-choice.ts';
import { uploadFile } from './upload-file.ts';
import { byteSize, errorWords } from './words.ts';

const ARCHIVE = /\.(zip|tar|tgz|tar\.gz)$/i;

type Options = Pick<SubmitRequest, 'fast' | 'folds' | 'tta'>;

/** The form that takes files: dropped or chosen, each one a job. `onJob`: told of every job that it starts. */
export function newCase({ models }: VersionFacts, onJob: (job: JobAnswer) => void): HTMLElement {
  const input = el('input', { type: 'file', id: 'file', multiple: true, class: 'unseen' });
  const { element: choices, chosen } = modelChoice(models);
  const options = optionFields();
  const uploads = el('ul', { class: 'uploads', 'aria-label': 'Uploads' });
  const take = (files: Iterable<File>, folders: readonly string[] = []): void => {
    const order = { target: chosen(), options: options.values() };
    for (const file of files) {
      const item = folders.includes(file.name)
        ? refusedItem(file, isFolder())
        : uploadItem(file, order, onJob);
      uploads.prepend(item);
      item.scrollIntoView({ block: 'nearest' });
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
    input,
    zone,
    uploads,
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

function optionFields(): { readonly element: HTMLElement; readonly values: () => Options } {
  const fast = el('input', { type: 'checkbox', checked: true });
  const tta = el('input', { type: 'checkbox' });
  const folds = el(
    'select',
    {},
    el('option', { value: '0' }, 'One network (fold 0)'),
    el('option', { value: '0,1,2,3,4' }, 'All five networks'),
  );
  const element = el(
    'details',
    { class: 'options' },
    el('summary', {}, 'Options'),
    el('label', {}, fast, ' Fast: TotalSegmentator at 3 mm'),
    el('label', {}, tta, ' Vessels and tumours: test-time augmentation (slower, steadier)'),
    el('label', {}, 'Vessels and tumours: ', folds),
  );
  const values = (): Options => ({
    fast: fast.checked,
    tta: tta.checked,
    folds: folds.value.split(',').map(Number),
  });
  return { element, values };
}

interface Order {
  readonly target: ModelChoice;
  readonly options: Options;
}

function uploadItem(file: File, order: Order, onJob: (job: JobAnswer) => void): HTMLElement {
  const abort = new AbortController();
  const bar = el('progress', { max: 1, value: 0, 'aria-label': `Upload of ${file.name}` });
  const text = el('span', { class: 'note' }, `${byteSize(file.size)}, sending`);
  const cancel = el('button', { type: 'button', onclick: () => abort.abort() }, 'Cancel');
  const item = el('li', {}, el('span', { class: 'title' }, file.name), text, bar, cancel);
  const onProgress = (done: number, total: number): void => {
    bar.value = done / total;
    text.textContent = `${byteSize(done)} of ${byteSize(total)}`;
  };
  const run = async (): Promise<void> => {
    const uploadId = await uploadFile(file, { signal: abort.signal, onProgress });
    const { target, options } = order;
    const job = await (ARCHIVE.test(file.name)
      ? api.submit('batch', { uploadId, model: target, ...options })
      : api.submit(target, { uploadId, ...options }));
    announce(`${file.name} was sent.`);
    item.remove();
    onJob(job);
  };
  run().catch((thrown: unknown) => item.replaceWith(refusedItem(file, asHpbError(thrown))));
  return item;
}

function refusedItem({ name }: File, error: HpbError): HTMLElement {
  const item = el(
    'li',
    {},
    el('span', { class: 'title' }, name),
    el('p', { class: 'error', role: 'alert' }, errorWords(error)),
    el(
      'button',
      { type: 'button', 'aria-label': `Dismiss ${name}`, onclick: () => item.remove() },
      'Dismiss',
    ),
  );
  return item;
}
