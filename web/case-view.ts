import { HpbError } from '../core/errors.ts';
import type { CaseDetailAnswer } from '../core/requests.ts';
import type { Metadata } from '../core/results/metadata-schema.ts';
import { api, fileContent, unreachable } from './api.ts';
import { el } from './dom.ts';
import type { View } from './home-view.ts';
import { reportOpener, type ReportOpener } from './report-opener.ts';
import { lesionTable, measureList, provenanceBox, verdictBox } from './measures.ts';
import { structureList } from './structure-list.ts';
import type { WantedCase } from './viewer/open-case.ts';
import type { Viewer } from './viewer/viewer.ts';
import { byteSize, errorWords } from './words.ts';

/** A case: CT, masks and meshes to look at, its measures beside them, its files below. */
export async function caseView(jobId: string, caseId: string): Promise<View> {
  const detail = await api.caseDetail(jobId, caseId);
  const found = detail.files.find(({ name }) => name === 'metadata.json');
  const metadata = found === undefined ? null : ((await (await fileContent(found.href)).json()) as Metadata);
  const stage = el('section', { class: 'stage', 'aria-label': 'Pictures' });
  const report = reportOpener(detail);
  const left = new AbortController();
  const shown = metadata === null ? null : openViewer(stage, { detail, metadata, signal: left.signal });
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
    el('div', { class: 'split' }, stage, sidePanel({ detail, metadata, shown, report })),
  );
  const close = (): void => {
    left.abort();
    report?.close();
    void shown?.then((viewer) => viewer?.close());
  };
  return { title: detail.name, element, close };
}

const UNDRAWN =
  'This browser cannot draw the pictures: it needs WebGL 2 and memory for it. Switch its hardware acceleration on, or take another browser. Measures and files are all here.';

/** The viewer is a megabyte of its own, which comes when it is needed. Its failure leaves the rest of the page. */
async function openViewer(stage: HTMLElement, wanted: WantedCase): Promise<Viewer | null> {
  const wait = el('p', { class: 'wait', role: 'status' }, 'Opening the CT …');
  stage.append(wait);
  try {
    const { openCase } = await import('./viewer/open-case.ts').catch((cause: unknown) => {
      throw unreachable(cause);
    });
    return await openCase(stage, wanted);
  } catch (thrown) {
    const words = thrown instanceof HpbError ? errorWords(thrown) : UNDRAWN;
    stage.replaceChildren(el('p', { class: 'error', role: 'alert' }, words));
    return null;
  } finally {
    wait.remove();
  }
}

interface CaseParts {
  readonly detail: CaseDetailAnswer;
  readonly metadata: Metadata | null;
  readonly shown: Promise<Viewer | null> | null;
  readonly report: ReportOpener | null;
}

function sidePanel({ detail, metadata, shown, report }: CaseParts): HTMLElement {
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
    fileBox(detail, report),
    provenanceBox(metadata),
  );
}

function fileBox({ files }: CaseDetailAnswer, report: ReportOpener | null): HTMLElement {
  return el(
    'section',
    { 'aria-labelledby': 'files' },
    el('h2', { id: 'files' }, 'Files'),
    report?.element ?? null,
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

const pathOf = (href: string): string => new URL(href, location.href).pathname;
