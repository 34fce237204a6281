import { asHpbError } from '../core/errors.ts';
import { mapLimited } from '../core/map-limited.ts';
import type { JobAnswer } from '../core/requests.ts';
import { api, type VersionFacts } from './api.ts';
import { el } from './dom.ts';
import { JobCard } from './job-card.ts';
import { newCase } from './new-case.ts';
import type { Uploads } from './uploads.ts';
import { errorWords } from './words.ts';

const READ_AT_ONCE = 3;

/** A view of the page. */
export interface View {
  readonly title: string;
  readonly element: HTMLElement;
  /** Ends what goes on in it. */
  readonly close: () => void;
}

/** Where cases come in, and the jobs, newest first. */
export function homeView(version: VersionFacts, uploads: Uploads): View {
  let closed = false;
  const cards = new Map<string, JobCard>();
  const list = el('ul', { class: 'jobs' });
  const empty = el('p', { class: 'note', hidden: true }, 'Nothing yet. What you send is listed here.');
  const more = el('button', { type: 'button', hidden: true }, 'Show older ones');
  const showEmpty = (): void => void (empty.hidden = cards.size > 0 || !more.hidden);
  const add = (job: JobAnswer, place: 'prepend' | 'append'): void => {
    // A card watches its job until it is closed, which nobody would do any more.
    if (closed || cards.has(job.jobId)) return;
    const card = new JobCard(job, () => {
      cards.delete(job.jobId);
      showEmpty();
    });
    cards.set(job.jobId, card);
    list[place](card.element);
    showEmpty();
  };
  let next: string | null = null;
  const load = async (): Promise<void> => {
    const page = await api.jobs(next);
    // The list has no names and no cases; a job that was deleted meanwhile has none to show.
    const jobs = await mapLimited(page.jobs, READ_AT_ONCE, async ({ jobId }) =>
      closed ? null : api.job(jobId).catch(() => null),
    );
    for (const job of jobs) if (job !== null) add(job, 'append');
    ({ next } = page);
    more.hidden = next === null;
    showEmpty();
  };
  const show = (): void =>
    void load().catch((thrown: unknown) =>
      list.after(el('p', { class: 'error', role: 'alert' }, errorWords(asHpbError(thrown)))),
    );
  more.addEventListener('click', show);
  show();
  const element = el(
    'div',
    { class: 'home' },
    el('h1', {}, 'Segment liver, vessels and tumours of a CT'),
    newCase(version, uploads),
    el(
      'section',
      { class: 'card', 'aria-labelledby': 'jobs' },
      el('h2', { id: 'jobs' }, 'Cases'),
      empty,
      list,
      more,
    ),
  );
  uploads.onJob = (job) => add(job, 'prepend');
  const close = (): void => {
    closed = true;
    for (const card of cards.values()) card.close();
  };
  return { title: 'Cases', element, close };
}
