import { asHpbError, type HpbError } from '../core/errors.ts';
import { modelEntry } from '../core/models/catalogue.ts';
import type { CaseAnswer, JobAnswer } from '../core/requests.ts';
import { api } from './api.ts';
import { announce, el, type Child } from './dom.ts';
import { errorWords, isOver, moment, stageWords, stateWord } from './words.ts';
import { watchJob } from './watch-job.ts';

const SILENCE = 'The service does not answer. It is asked again until it does.';

/** A job in the list, which keeps itself up to date while it is shown. */
export class JobCard {
  readonly element: HTMLLIElement = el('li', { class: 'job' });
  #job: JobAnswer;
  #error: HpbError | null = null;
  #stop: () => void;
  #closed = false;
  #silent = false;
  #busy = false;
  readonly #onGone: () => void;

  /** @param onGone Told when the job is no more, and its card out of the list. */
  constructor(job: JobAnswer, onGone: () => void) {
    this.#job = job;
    this.#onGone = onGone;
    this.#show();
    this.#stop = this.#watch();
  }

  /** Ends the watching. */
  close(): void {
    this.#closed = true;
    this.#stop();
  }

  #watch(): () => void {
    return watchJob(this.#job, {
      onJob: (job) => {
        const { state } = this.#job;
        this.#job = job;
        this.#silent = false;
        if (job.state !== state) announce(`${titleOf(job)}: ${stateWord(job.state)}.`);
        this.#show();
      },
      onGone: () => this.#remove(),
      onSilence: () => {
        if (this.#silent) return;
        this.#silent = true;
        announce(SILENCE);
        this.#show();
      },
    });
  }

  #show(): void {
    const job = this.#job;
    // Who stands on a button stands on it again after the news.
    const focused = this.element.contains(document.activeElement)
      ? (document.activeElement as HTMLElement).dataset['action']
      : undefined;
    const opened = this.element.querySelector('details')?.open ?? false;
    this.element.replaceChildren(
      el(
        'div',
        { class: 'line' },
        el('h3', {}, titleOf(job)),
        el('span', { class: 'state', 'data-state': job.state }, stateWord(job.state)),
      ),
      el('p', { class: 'note' }, `${modelWords(job)} · ${moment(job.createdAt)}`),
      ...(isOver(job) ? [] : [progressOf(job)]),
      ...(this.#silent ? [el('p', { class: 'note' }, SILENCE)] : []),
      ...errorsOf(job, this.#error),
      ...caseList(job, opened),
      el('div', { class: 'actions' }, ...this.#actions()),
    );
    if (focused !== undefined)
      (
        this.element.querySelector<HTMLElement>(`[data-action="${focused}"]`) ??
        this.element.querySelector<HTMLElement>('.actions a, .actions button')
      )?.focus({ preventScroll: true });
  }

  #actions(): readonly Child[] {
    const job = this.#job;
    const { jobId, state, links } = job;
    if (!isOver(job)) return [this.#button('Cancel', async () => void (this.#job = await api.cancel(jobId)))];
    const [only] = job.cases;
    const opens = job.cases.length === 1 && only?.state === 'succeeded';
    return [
      opens ? openLink(job, only, 'Open') : null,
      links['result'] === undefined
        ? null
        : el('a', { class: 'button', href: `/jobs/${jobId}/result`, download: true }, 'Download ZIP'),
      state === 'SUCCEEDED' ? null : this.#button('Retry', async () => this.#retry()),
      this.#button('Delete', async () => this.#delete()),
    ];
  }

  async #retry(): Promise<void> {
    this.#goOn(await api.retry(this.#job.jobId));
  }

  #goOn(job: JobAnswer): void {
    this.#stop();
    this.#job = job;
    if (!this.#closed) this.#stop = this.#watch();
  }

  async #delete(): Promise<void> {
    if (!(await confirmed(`Delete ${titleOf(this.#job)} with its CT and its results?`))) return;
    await api.remove(this.#job.jobId);
    this.#remove();
  }

  #remove(): void {
    this.#stop();
    announce(`${titleOf(this.#job)} was deleted.`);
    this.element.remove();
    this.#onGone();
  }

  /** What is refused here, another tab may have done: then that is to be seen. */
  async #refused(reason: HpbError): Promise<void> {
    const job = await api.job(this.#job.jobId).catch(asHpbError);
    if (job instanceof Error) {
      if (job.code === 'JOB_NOT_FOUND') this.#remove();
      else this.#error = reason;
    } else if (job.attempt !== this.#job.attempt || job.state !== this.#job.state) this.#goOn(job);
    else this.#error = reason;
  }

  #button(name: string, act: () => Promise<void>): HTMLButtonElement {
    const press = async (): Promise<void> => {
      if (this.#busy) return;
      this.#busy = true;
      this.#error = null;
      await act().catch((thrown: unknown) => this.#refused(asHpbError(thrown)));
      this.#busy = false;
      this.#show();
    };
    return el(
      'button',
      {
        type: 'button',
        'data-action': name,
        'aria-label': `${name} ${titleOf(this.#job)}`,
        onclick: () => void press(),
      },
      name,
    );
  }
}

/** The caller's own names, which the service tells the caller only. */
function titleOf({ cases, batch, jobId }: JobAnswer): string {
  const [first] = cases;
  if (first === undefined) return `${batch ? 'Archive' : 'CT'} ${jobId.slice(-6)}`;
  return cases.length === 1 ? first.name : `${first.name} and ${cases.length - 1} more`;
}

function modelWords({ models, options }: JobAnswer): string {
  const names = models.map((id) => modelEntry(id).title.replace(/ \(.*/, '')).join('; ');
  return options.fast ? `${names}, fast` : names;
}

function progressOf(job: JobAnswer): HTMLElement {
  const words = `${stageWords(job)}, ${Math.floor(job.percent)} %`;
  return el(
    'p',
    { class: 'progress' },
    el('progress', { max: 100, value: job.percent, 'aria-label': `Progress of ${titleOf(job)}` }),
    el('span', { class: 'note' }, words),
  );
}

function errorsOf(job: JobAnswer, own: HpbError | null): readonly HTMLElement[] {
  // A job of one case fails with the error of that case, which says more.
  const ofCase = job.cases.length === 1 ? (job.cases[0]?.error ?? null) : null;
  return [own, ofCase ?? job.error]
    .filter((error) => error !== null)
    .map((error) => el('p', { class: 'error', role: 'alert' }, errorWords(error)));
}

function caseList(job: JobAnswer, open: boolean): readonly HTMLElement[] {
  if (job.cases.length < 2) return [];
  const rows = job.cases.map((one) =>
    el(
      'li',
      {},
      el('span', { class: 'title' }, one.name),
      one.state === 'succeeded' ? openLink(job, one, 'Open') : el('span', { class: 'note' }, one.state),
      one.error === null ? null : el('p', { class: 'error' }, errorWords(one.error)),
    ),
  );
  return [
    el(
      'details',
      { open },
      el('summary', { 'data-action': 'cases' }, `${job.cases.length} cases`),
      el('ul', { class: 'cases' }, ...rows),
    ),
  ];
}

const openLink = ({ jobId }: JobAnswer, { caseId, name }: CaseAnswer, text: string): HTMLAnchorElement =>
  el(
    'a',
    {
      class: 'button primary',
      'data-action': `open-${caseId}`,
      'aria-label': `${text} ${name}`,
      href: `#/jobs/${jobId}/${caseId}`,
    },
    text,
  );

/** Asks in a dialog of the page; Escape says no. */
function confirmed(question: string): Promise<boolean> {
  return new Promise((resolve) => {
    const close = (answer: string) => (): void => dialog.close(answer);
    const dialog = el(
      'dialog',
      { 'aria-label': question },
      el('p', {}, question),
      el(
        'div',
        { class: 'actions' },
        el('button', { type: 'button', autofocus: true, onclick: close('no') }, 'Keep'),
        el('button', { type: 'button', class: 'danger', onclick: close('yes') }, 'Delete'),
      ),
    );
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
