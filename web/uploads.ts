import { asHpbError, type HpbError } from '../core/errors.ts';
import type { JobAnswer, SubmitRequest } from '../core/requests.ts';
import { api } from './api.ts';
import { announce, el } from './dom.ts';
import type { JobLimits } from './job-limits.ts';
import type { ModelChoice } from './model-choice.ts';
import { requireWanted, uploadFile } from './upload-file.ts';
import { byteSize, errorWords } from './words.ts';

/** What makes a browser ask before it closes the tab. */
const askFirst = (event: BeforeUnloadEvent): void => event.preventDefault();

const ARCHIVE = /\.(zip|tar|tgz|tar\.gz)$/i;

/** What is to be done with a file once it is there. */
export interface Order {
  readonly limits: JobLimits;
  readonly target: ModelChoice;
  readonly options: Pick<SubmitRequest, 'fast' | 'folds' | 'tta' | 'meshes'>;
}

/** The uploads of the page, as a list. They go on whatever view is shown, so the list outlives the views it is in. */
export class Uploads {
  readonly element: HTMLUListElement = el('ul', { class: 'uploads', 'aria-label': 'Uploads' });
  /** Told of every job that an upload becomes; of the view that shows jobs, while it is shown. */
  onJob: (job: JobAnswer) => void = () => undefined;
  #underWay = 0;

  /** Uploads a file and starts its job; its line in the list shows how far it is, and can cancel it to the last. */
  start(file: File, order: Order): void {
    const abort = new AbortController();
    const bar = el('progress', { max: 1, value: 0, 'aria-label': `Upload of ${file.name}` });
    const text = el('span', { class: 'note' }, `${byteSize(file.size)}, sending`);
    const stop = (): void => {
      cancel.disabled = true;
      text.textContent = 'cancelling';
      abort.abort();
    };
    const cancel = el(
      'button',
      { type: 'button', 'aria-label': `Cancel ${file.name}`, onclick: stop },
      'Cancel',
    );
    const item = el('li', {}, el('span', { class: 'title' }, file.name), text, bar, cancel);
    this.#show(item);
    const onProgress = (done: number, total: number): void => {
      bar.value = done / total;
      text.textContent = `${byteSize(done)} of ${byteSize(total)}`;
    };
    const onSilence = (): void => void (text.textContent = 'The service does not answer. It is asked again.');
    const run = async (): Promise<void> => {
      const job = await startJob(file, order, { signal: abort.signal, onProgress, onSilence });
      announce(`${file.name} was sent.`);
      item.remove();
      this.onJob(job);
    };
    this.#count(1);
    run()
      .catch((thrown: unknown) => item.replaceWith(refusedItem(file, asHpbError(thrown))))
      .finally(() => this.#count(-1));
  }

  /** Shows that a file is not taken, and why. */
  refuse(file: File, error: HpbError): void {
    this.#show(refusedItem(file, error));
  }

  #count(change: number): void {
    this.#underWay += change;
    if (this.#underWay > 0) window.addEventListener('beforeunload', askFirst);
    else window.removeEventListener('beforeunload', askFirst);
  }

  #show(item: HTMLLIElement): void {
    this.element.prepend(item);
    item.scrollIntoView({ block: 'nearest' });
  }
}

/** The job of a file, cancelled when that was wished while it was being started. */
async function startJob(
  file: File,
  { target, options, limits }: Order,
  sending: Parameters<typeof uploadFile>[1],
): Promise<JobAnswer> {
  const uploadId = await uploadFile(file, sending);
  requireWanted(sending.signal);
  const job = await (ARCHIVE.test(file.name)
    ? api.submit('batch', { uploadId, model: target, ...options, ...limits })
    : api.submit(target, { uploadId, ...options, ...limits }));
  return sending.signal.aborted ? api.cancel(job.jobId) : job;
}

function refusedItem({ name }: File, error: HpbError): HTMLLIElement {
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
