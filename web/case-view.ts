import { asHpbError } from '../core/errors.ts';
import type { CaseDetailAnswer } from '../core/requests.ts';
import type { Metadata } from '../core/results/metadata-schema.ts';
import { api, fileContent } from './api.ts';
import { el } from './dom.ts';
import type { View } from './home-view.ts';
import { lesionTable, measureList, provenanceBox, verdictBox } from './measures.ts';
import { structureList } from './structure-list.ts';
import type { Viewer } from './viewer/viewer.ts';
import { byteSize, errorWords } from './words.ts';

/** A case: CT, masks and meshes to look at, its measures beside them, its files below. */
export async function caseView(jobId: string, caseId: string): Promise<View> {
  const detail = await api.caseDetail(jobId, caseId);
  const found = detail.files.find(({ name }) => name === 'metadata.json');
  const metadata = found === undefined ? null : ((await (await fileContent(found.href)).json()) as Metadata);
  const stage = el('section', { class: 'stage', 'aria-label': 'Pictures' });
  const shown = metadata === null ? null : openViewer(stage, detail, metadata);
  const notice = metadata?.demoNotice ?? null;
  const element = el(
    'article',
    { class: 'case' },
    el(
      'div',
      { class: 'line' },
      el('h1', {}, detail.name),
      el('a', { class: 'button', href: '#/' }, 'All cases'),
      detail.links['result'] === undefined
        ? null
        : el(
            'a',
            { class: 'button primary', href: pathOf(detail.links['result']), download: true },
            'Download all (ZIP)',
          ),
    ),
    notice === null ? null : el('p', { class: 'demo', role: 'note' }, notice),
    el('div', { class: 'split' }, stage, sidePanel(detail, metadata, shown)),
  );
  const close = (): void => void shown?.then((viewer) => viewer?.close());
  return { title: detail.name, element, close };
}

/** The viewer is a megabyte of its own, which comes when it is needed. Its failure leaves the rest of the page. */
async function openViewer(
  stage: HTMLElement,
  detail: CaseDetailAnswer,
  metadata: Metadata,
): Promise<Viewer | null> {
  const wait = el('p', { class: 'wait', role: 'status' }, 'Opening the CT …');
  stage.append(wait);
  try {
    const { openCase } = await import('./viewer/open-case.ts');
    return await openCase(stage, detail, metadata);
  } catch (thrown) {
    const words = errorWords(asHpbError(thrown));
    stage.replaceChildren(el('p', { class: 'error', role: 'alert' }, words));
    return null;
  } finally {
    wait.remove();
  }
}

function sidePanel(
  detail: CaseDetailAnswer,
  metadata: Metadata | null,
  shown: Promise<Viewer | null> | null,
): HTMLElement {
  const tell = (act: (viewer: Viewer) => void): void =>
    void shown?.then((viewer) => (viewer === null ? undefined : act(viewer)));
  if (metadata === null)
    return el(
      'aside',
      { class: 'card', 'aria-label': 'Result' },
      el(
        'p',
        { class: 'error' },
        detail.error === null ? 'This case has no result yet.' : errorWords(detail.error),
      ),
    );
  return el(
    'aside',
    { class: 'card', 'aria-label': 'Result' },
    verdictBox(metadata),
    structureList(metadata.structures, (hidden) => tell((viewer) => viewer.hide(hidden))),
    measureList(metadata),
    lesionTable(metadata, ({ centroidMm }) => tell((viewer) => viewer.lookAt(centroidMm))),
    fileBox(detail),
    provenanceBox(metadata),
  );
}

function fileBox({ files }: CaseDetailAnswer): HTMLElement {
  const report = files.find(({ name }) => name === 'report.html');
  return el(
    'section',
    { 'aria-labelledby': 'files' },
    el('h2', { id: 'files' }, 'Files'),
    report === undefined
      ? null
      : el('button', { type: 'button', onclick: () => void openReport(report.href) }, 'Open the report'),
    el(
      'details',
      {},
      el('summary', {}, `${files.length} files`),
      el(
        'ul',
        { class: 'files' },
        ...files.map(({ name, bytes, href }) =>
          el(
            'li',
            {},
            el('a', { href: pathOf(href), download: true }, name),
            el('span', { class: 'note' }, byteSize(bytes)),
          ),
        ),
      ),
    ),
  );
}

/** The store offers files for saving only; as a blob the report opens beside the page, under the page's own policy. */
async function openReport(href: string): Promise<void> {
  // Before anything is waited for: a window that opens later counts as a popup.
  const beside = window.open('', '_blank');
  const text = await (await fileContent(href)).text();
  const url = URL.createObjectURL(new Blob([text], { type: 'text/html' }));
  if (beside === null) location.assign(url);
  else beside.location.replace(url);
}

const pathOf = (href: string): string => new URL(href, location.href).pathname;
