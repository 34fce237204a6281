import type { Metadata } from '../metadata-schema.ts';
import { NOT_A_MEDICAL_DEVICE } from '../notices.ts';
import type { PictureName } from '../pictures/pictures.ts';
import { asHtml, html, type Html } from './html.ts';
import { glance, lesionTable, structureTables } from './measures.ts';
import { pictureSection } from './picture-section.ts';
import { provenanceSection } from './provenance-section.ts';
import { REPORT_STYLE } from './style.ts';
import { table } from './table.ts';
import { titleOf, VERDICT_WORDS } from './words.ts';

/** What a report shows. */
export interface ReportInput {
  /** Name of the case as its owner knows it; any text. */
  readonly name: string;
  readonly metadata: Metadata;
  /** PNG files as base64, with their size in pixels. */
  readonly pictures: readonly ReportPicture[];
}

/** A picture of the report. */
export interface ReportPicture {
  readonly name: PictureName;
  readonly width: number;
  readonly height: number;
  readonly base64: string;
}

/** Nothing is fetched and no script runs, whatever the page is opened from. */
const POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/**
 * report.html: one file that opens offline and prints on A4; no script. It holds no clock and no device, so that two
 * runs give the same bytes; those are in run.json.
 */
export function reportPage({ name, metadata, pictures }: ReportInput): string {
  const { quality, hpb } = metadata;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${asHtml(POLICY)}" />
        <meta name="robots" content="noindex" />
        <title>${metadata.demo ? 'DEMO: ' : ''}Liver CT ${name}</title>
        <style>
          ${asHtml(REPORT_STYLE)}
        </style>
      </head>
      <body>
        <header>
          <a class="skip" href="#main">To the result</a>
          ${demoBanner(metadata)}
          <h1>Liver CT: ${name}</h1>
          <p class="quiet">
            Segmentation and measurements by hpb-segmentation ${metadata.provenance.service.version}.
            ${metadata.notice}
          </p>
        </header>
        <main id="main">
          <section class="verdict ${quality.verdict}" aria-labelledby="verdict">
            <p id="verdict"><strong>${quality.verdict}</strong></p>
            <p>${VERDICT_WORDS[quality.verdict]}</p>
          </section>
          <section aria-labelledby="glance">
            <h2 id="glance">At a glance</h2>
            ${glance(hpb)}
          </section>
          ${reasonSection(quality)} ${pictureSection(pictures, metadata)} ${lesionTable(hpb)}
          ${structureTables(metadata)} ${limits(metadata)} ${provenanceSection(metadata)}
        </main>
        <footer>
          <p><strong>${NOT_A_MEDICAL_DEVICE}</strong></p>
          ${demoBanner(metadata)}
        </footer>
      </body>
    </html> `;
  return page.html;
}

function demoBanner({ demoNotice }: Metadata): Html | null {
  if (demoNotice === null) return null;
  return html`<p class="demo" role="note"><strong>DEMO</strong> ${demoNotice}</p>`;
}

function reasonSection({ reasons }: Metadata['quality']): Html | null {
  if (reasons.length === 0) return null;
  const rows = reasons.map(({ message, verdict, structure, value, bound }) => [
    message,
    verdict,
    structure === null ? '–' : titleOf(structure),
    String(value),
    String(bound),
  ]);
  const columns = ['Check', 'Verdict', 'Structure', 'Found', 'Expected'].map((title) => ({ title }));
  return html`<section aria-labelledby="checks">
    <h2 id="checks">Why this verdict</h2>
    ${table('What the automatic checks found', columns, rows)}
  </section>`;
}

function limits({ hpb, grid, provenance }: Metadata): Html {
  const thick = Math.max(...grid.spacingMm);
  const areGiven = provenance.models.every(({ engineCall }) => engineCall.engine === 'given');
  const items = [
    areGiven
      ? 'These outlines came from elsewhere: nothing is known here of who or what drew them, and how well. The report measures them as they are.'
      : 'A network drew these outlines. It can miss lesions and vessels, and call healthy tissue a lesion; thin vessels and lesions of a few millimetres are the first to be missed.',
    'Every measure is as good as the outline it is taken from. Compare the outlines with the CT in the pictures above before you use a number.',
    `Distances and diameters are no finer than the voxels: up to ${thick.toFixed(1)} mm in this scan.`,
    'A volume that touches the edge of the scan is a lower bound.',
    ...(hpb.lesions === null
      ? ['Tumours were not looked for in this run.']
      : [
          'A lesion here is a connected part of the tumour mask: two lesions that touch count as one. Nothing is said about what kind of lesion it is.',
        ]),
  ];
  return html`<section aria-labelledby="limits">
    <h2 id="limits">What to keep in mind</h2>
    <ul>
      ${items.map((item) => html`<li>${item}</li> `)}
    </ul>
  </section>`;
}
