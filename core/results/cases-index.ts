import type { CaseMeasures } from './case-summary.ts';
import type { ManifestCase } from './job-manifest.ts';
import { DEMO_NOTICE, NOT_A_MEDICAL_DEVICE } from './notices.ts';
import { asHtml, html, type Html } from './report/html.ts';
import { REPORT_STYLE } from './report/style.ts';
import { table } from './report/table.ts';
import { figure } from './report/words.ts';

/** A case of a batch as the index shows it. */
export interface IndexedCase {
  readonly entry: ManifestCase;
  /** Its folder in the ZIP; null for a case without a result. */
  readonly folder: string | null;
  /** Names of its files below that folder. */
  readonly files: readonly string[];
  /** Null without a result, or where its metadata.json cannot be read. */
  readonly measured: CaseMeasures | null;
}

const COLUMNS = [
  'case',
  'folder',
  'state',
  'verdict',
  'verdict_reasons',
  'demo',
  'liver_ml',
  'liver_without_tumours_ml',
  'tumour_ml',
  'tumour_burden_percent',
  'lesions',
  'lesions_touching_vessel',
  'vessels_in_liver_ml',
  'seconds',
  'error_code',
  'error_message',
] as const;

/**
 * cases.csv of a batch (RFC 4180, UTF-8): a row a case. What is not known is empty. Text that a spreadsheet would take
 * for a formula gets an apostrophe before it.
 */
export function casesCsv(cases: readonly IndexedCase[]): string {
  const rows = cases.map((one) => csvRow(one).map(csvCell).join(','));
  return `${[COLUMNS.join(','), ...rows].join('\r\n')}\r\n`;
}

type Cell = string | number | boolean | null | undefined;

/** Measures in the order of their columns. */
const MEASURES = [
  'liverVolumeMl',
  'liverVolumeWithoutTumoursMl',
  'tumourVolumeMl',
  'tumourBurdenPercent',
  'lesionCount',
  'lesionsTouchingVessel',
  'vesselVolumeInLiverMl',
] as const;

function csvRow({ entry, folder, measured }: IndexedCase): readonly Cell[] {
  return [
    entry.name,
    folder,
    entry.outcome,
    measured?.quality.verdict,
    measured?.quality.reasons.map(({ code }) => code).join(' '),
    entry.demo,
    ...MEASURES.map((field) => measured?.hpb[field]),
    entry.seconds,
    entry.error?.code,
    entry.error?.message,
  ];
}

function csvCell(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  const text = value.replaceAll('\u0000', '').toWellFormed();
  // Spreadsheets run what begins so, also behind blanks.
  const safe = /^\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/u.test(text) ? `'${text}` : text;
  return /[",\r\n']|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** What an index is of. */
export interface IndexInput {
  readonly batchId: string;
  readonly cases: readonly IndexedCase[];
}

const POLICY = "default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'; base-uri 'none'";

/** Style of the small pictures. */
const INDEX_STYLE = `td img{display:block;width:7.5rem;height:auto;background:#000;border-radius:.2rem}
@media screen{.wide table{min-width:52rem}}td{max-width:22rem}tbody th,td:last-child{overflow-wrap:anywhere}b.ok,b.review,b.reject{color:var(--v)}
@media print{table{font-size:8pt}td img{width:16mm}tbody th{min-width:30mm}td:last-child{min-width:42mm}th,td{padding-right:.3rem}}`;

/** index.html of a batch, for the root of its unpacked ZIP: a row a case, links to each report; no script. */
export function indexPage({ batchId, cases }: IndexInput): string {
  const failed = cases.filter(({ entry }) => entry.outcome === 'failed').length;
  const demo = cases.some(({ entry }) => entry.demo === true);
  const banner = demo ? html`<p class="demo" role="note"><strong>DEMO</strong> ${DEMO_NOTICE}</p>` : null;
  const columns = [
    { title: 'Case' },
    { title: 'Picture' },
    { title: 'State' },
    { title: 'Verdict' },
    { title: 'Liver, ml', figures: true },
    { title: 'Tumours, ml', figures: true },
    { title: 'Lesions', figures: true },
    { title: 'Seconds', figures: true },
    { title: 'Reason' },
  ] as const;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${asHtml(POLICY)}" />
        <meta name="robots" content="noindex" />
        <title>${demo ? 'DEMO: ' : ''}Batch ${batchId}</title>
        <style>
          ${asHtml(REPORT_STYLE + INDEX_STYLE)}
        </style>
      </head>
      <body>
        <header>
          <a class="skip" href="#main">To the cases</a>
          ${banner}
          <h1>Batch ${batchId}</h1>
          <p class="quiet">
            ${cases.length} cases, ${cases.length - failed} with a result, ${failed} failed.
            ${NOT_A_MEDICAL_DEVICE}
          </p>
        </header>
        <main id="main">
          ${table('Cases of this batch; cases.csv holds the same for a spreadsheet', columns, cases.map(caseRow))}
        </main>
        <footer>
          <p><strong>${NOT_A_MEDICAL_DEVICE}</strong></p>
        </footer>
      </body>
    </html> `.html;
}

function caseRow(one: IndexedCase): readonly (Html | string)[] {
  const { entry, measured } = one;
  const { quality, hpb } = measured ?? {};
  const verdict = quality?.verdict;
  return [
    linked(one, 'report.html') ?? entry.name,
    picture(one) ?? '–',
    entry.outcome,
    verdict === undefined ? '–' : html`<b class="${verdict}">${verdict}</b>`,
    figure(hpb?.liverVolumeMl ?? null, 1),
    figure(hpb?.tumourVolumeMl ?? null, 1),
    figure(hpb?.lesionCount ?? null, 0),
    figure(entry.seconds, 0),
    reasonOf(one),
  ];
}

function reasonOf({ entry, measured }: IndexedCase): Html | string {
  const { error } = entry;
  if (error !== null) return html`${error.message} <span class="why">${error.code}. ${error.remedy}</span>`;
  return measured?.quality.reasons.map(({ code }) => code).join(', ') ?? '';
}

function linked(one: IndexedCase, file: string): Html | null {
  const link = linkTo(one, file);
  return link === null ? null : html`<a href="${link}">${one.entry.name}</a>`;
}

function picture(one: IndexedCase): Html | null {
  const link = linkTo(one, 'previews/thumbnail.png');
  if (link === null) return null;
  return html`<img src="${link}" loading="lazy" alt="Axial slice of ${one.entry.name} with its outlines" />`;
}

/** A link that means a file below this page, whatever stands in the name of its folder. */
function linkTo({ folder, files }: IndexedCase, file: string): string | null {
  if (folder === null || !files.includes(file)) return null;
  return `./${encodeURIComponent(folder)}/${file}`;
}
