import { asHpbError } from '../core/errors.ts';
import type { CaseDetailAnswer } from '../core/requests.ts';
import { fileContent } from './api.ts';
import { el } from './dom.ts';
import { errorWords } from './words.ts';

/** The button that opens the report of a case, and what it has to say. */
export interface ReportOpener {
  readonly element: HTMLElement;
  /** Gives the report's memory back; a report that is open stays. */
  readonly close: () => void;
}

/**
 * Opens the report of a case beside the page; null for a case without one. The store offers files for saving only, so
 * it is opened as a blob, under the page's own policy.
 */
export function reportOpener({ files }: CaseDetailAnswer): ReportOpener | null {
  const report = files.find(({ name }) => name === 'report.html');
  if (report === undefined) return null;
  let url: string | null = null;
  const load = async (): Promise<string> => {
    const text = await (await fileContent(report.href)).text();
    return (url ??= URL.createObjectURL(new Blob([text], { type: 'text/html' })));
  };
  const trouble = el('p', { class: 'error', role: 'alert', hidden: true });
  const open = async (): Promise<void> => {
    trouble.hidden = true;
    // Before anything is waited for: a window that opens later counts as a popup.
    const beside = window.open('', '_blank');
    try {
      const place = url ?? (await load());
      if (beside === null) location.assign(place);
      else beside.location.replace(place);
    } catch (thrown) {
      beside?.close();
      trouble.textContent = errorWords(asHpbError(thrown));
      trouble.hidden = false;
    }
  };
  const element = el(
    'div',
    {},
    el('button', { type: 'button', onclick: () => void open() }, 'Open the report'),
    trouble,
  );
  const close = (): void => {
    if (url !== null) URL.revokeObjectURL(url);
  };
  return { element, close };
}
