import { asHpbError } from '../core/errors.ts';
import { api, type VersionFacts } from './api.ts';
import { caseView } from './case-view.ts';
import { el } from './dom.ts';
import { homeView, type View } from './home-view.ts';
import { addThemeButton } from './theme.ts';
import { Uploads } from './uploads.ts';
import { errorWords } from './words.ts';

const main = document.querySelector<HTMLElement>('#main')!;
const uploads = new Uploads();
let shown: View | null = null;
let turn = 0;

/** Shows what the address names: `#/` the cases, `#/jobs/<job>/<case>` one case. */
async function show(version: VersionFacts): Promise<void> {
  const own = ++turn;
  const [, jobId, caseId] = /^#\/jobs\/([^/]+)\/([^/]+)$/.exec(location.hash) ?? [];
  const first = own === 1;
  shown?.close();
  shown = null;
  main.replaceChildren(el('p', { class: 'wait' }, 'Loading …'));
  const view =
    jobId === undefined || caseId === undefined
      ? homeView(version, uploads)
      : await caseView(jobId, caseId).catch(failed);
  // Another address was asked for meanwhile.
  if (own !== turn) return view.close();
  shown = view;
  document.title = `${view.title} – HPB Segmentation`;
  main.replaceChildren(view.element);
  if (!first) main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function failed(thrown: unknown): View {
  const element = el(
    'div',
    { class: 'card' },
    el('h1', {}, 'This cannot be shown'),
    el('p', { class: 'error', role: 'alert' }, errorWords(asHpbError(thrown))),
    el('a', { class: 'button', href: '#/' }, 'All cases'),
  );
  return { title: 'Not shown', element, close: () => undefined };
}

async function start(): Promise<void> {
  addThemeButton(document.querySelector('#theme')!);
  document.querySelector('.skip')!.addEventListener('click', (event) => {
    // The address names a view and stays.
    event.preventDefault();
    main.focus();
  });
  // A file that is dropped beside the form would take the place of the page.
  for (const name of ['dragover', 'drop']) document.addEventListener(name, (event) => event.preventDefault());
  try {
    const version = await api.version();
    document.querySelector('#version')!.textContent = `Version ${version.service}.`;
    window.addEventListener('hashchange', () => void show(version));
    await show(version);
  } catch (thrown) {
    main.replaceChildren(failed(thrown).element);
    // Without its facts the page has no views: it begins anew.
    window.addEventListener('hashchange', () => location.reload());
  }
}

void start();
