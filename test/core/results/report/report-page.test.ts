import { beforeAll, describe, expect, it } from 'vitest';
import type { Metadata } from '../../../../core/results/metadata-schema.ts';
import { reportPage, type ReportPicture } from '../../../../core/results/report/report-page.ts';
import { metadataOf } from '../../../fixtures/case-metadata.ts';
import { phantomCase } from '../../../fixtures/phantom-case.ts';

const PICTURE: ReportPicture = { name: 'axial', width: 10, height: 8, base64: 'aGVsbG8=' };
const MARKUP = `<script>alert("1")</script><img src=x onerror='y'>&amp;\u{202e}`;

let metadata: Metadata;
let demo: Metadata;
beforeAll(() => {
  const { phantom, masks } = phantomCase();
  metadata = metadataOf(phantom.ct, masks);
  demo = metadataOf(phantom.ct, masks, true);
});

const page = (name = 'case', shown = metadata): string =>
  reportPage({ name, metadata: shown, pictures: [PICTURE] });

describe('the report', () => {
  it('escapes the name of the case wherever it stands', () => {
    const text = page(MARKUP);

    expect(text).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;');
    expect(text).not.toMatch(/<script|onerror='y'|\u{202e}/u);
  });

  it('escapes what stands in metadata, such as names of weight files', () => {
    const forged = structuredClone(demo);
    forged.provenance.weights[0]!.files[0]!.name = MARKUP;
    forged.quality.reasons[0]!.message = MARKUP;

    expect(page('case', forged)).not.toMatch(/<script|<img src=x/);
  });

  it('needs nothing from outside: no script, and every picture inside', () => {
    const text = page();

    expect(text).not.toMatch(/<script|<link|url\(|@import|https?:/);
    expect([...text.matchAll(/<img\s[^>]*src="([^"]*)"/g)].map(([, src]) => src)).toEqual([
      'data:image/png;base64,aGVsbG8=',
    ]);
    expect(text).toContain("default-src 'none'");
  });

  it('says DEMO loudly with demo weights, and not without', () => {
    expect(page('case', demo)).toContain('<title>DEMO: ');
    expect(page('case', demo).split('DEMO WEIGHTS').length).toBeGreaterThan(2);
    expect(page()).not.toContain('DEMO');
  });

  it('says that a network drew the outlines only where one did', () => {
    const drawn = structuredClone(metadata);
    for (const model of drawn.provenance.models)
      model.engineCall = {
        engine: 'nnunet-v1',
        checkpoint: 'model',
        folds: [0],
        tta: false,
      };
    const { title } = drawn.provenance.models[0]!;

    expect(page()).toContain('These outlines came from elsewhere');
    expect(page()).not.toMatch(/network drew|nnU-Net|TotalSegmentator/);
    expect(page('case', drawn)).toContain('A network drew these outlines');
    expect(page('case', drawn)).toContain(title);
  });

  it('shows the measures of metadata.json', () => {
    const { hpb, quality } = metadata;
    const text = page();

    expect(text).toContain(hpb.liverVolumeMl!.toFixed(1));
    for (const { volumeMl } of hpb.lesions!) expect(text).toContain(`>${volumeMl.toFixed(2)}<`);
    for (const { message } of quality.reasons) expect(text).toContain(message);
    expect(text).toContain('Not a medical device');
  });

  it('says why a measure is missing', () => {
    const unmeasured = structuredClone(metadata);
    unmeasured.hpb.liverVolumeMl = null;
    unmeasured.hpb.nullReasons['liverVolumeMl'] = 'There is no liver & no mask.';

    expect(page('case', unmeasured)).toContain('There is no liver &amp; no mask.');
  });

  it('is read by a screen reader: landmarks, one heading, texts of pictures, heads of tables', () => {
    const text = page();

    for (const tag of ['<header', '<main', '<footer', '<h1']) expect(text.split(tag)).toHaveLength(2);
    for (const [image] of text.matchAll(/<img[^>]*>/g)) expect(image).toMatch(/alt="[^"]{20,}"/);
    for (const [cell] of text.matchAll(/<th\b[^>]*>/g)) expect(cell).toMatch(/scope="(col|row)"/);
    for (const [, id] of text.matchAll(/aria-labelledby="([^"]+)"/g)) expect(text).toContain(`id="${id}"`);
    expect(text).toMatch(/<html lang="en"/);
  });

  it('is the same text for the same case', () => {
    expect(page()).toBe(page());
  });
});
