import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HpbError } from '../../../../core/errors.ts';
import { caseIdOf } from '../../../../core/layout.ts';
import { indexPage, type IndexedCase } from '../../../../core/results/cases-index.ts';
import type { Metadata } from '../../../../core/results/metadata-schema.ts';
import { reportPage } from '../../../../core/results/report/report-page.ts';
import { openBrowser } from '../../../fixtures/browser.ts';
import { metadataOf } from '../../../fixtures/case-metadata.ts';
import { phantomCase } from '../../../fixtures/phantom-case.ts';

/** A4 less its margins of 13 mm, in the pixels of CSS. */
const PAPER = Math.floor(((210 - 26) / 25.4) * 96);
const LONG_NAME = 'Study_2024-01-31/a_long_name_of_a_series_without_a_blank_anywhere';

const folder = mkdtempSync(join(tmpdir(), 'hpb-report-'));
let browser: Awaited<ReturnType<typeof openBrowser>>;
let page: Page;

beforeAll(async () => {
  const { phantom, masks } = phantomCase();
  const metadata = withLesions(metadataOf(phantom.ct, masks, true), 40);
  writeFileSync(join(folder, 'report.html'), reportPage({ name: LONG_NAME, metadata, pictures: [] }));
  const cases = Array.from({ length: 40 }, (_, at) => indexed(at, metadata));
  writeFileSync(join(folder, 'index.html'), indexPage({ batchId: 'job', cases }));
  browser = await openBrowser();
  page = await browser.context.newPage();
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** So many lesions with figures as long as figures get. */
function withLesions(metadata: Metadata, count: number): Metadata {
  const [first] = metadata.hpb.lesions!;
  const lesion = {
    ...first!,
    volumeMl: 1234.567,
    longestAxialDiameterMm: 123.45,
    longestDiameterMm: 123.45,
    nearestVesselMm: 123.45,
    touchesVessel: false,
    outsideLiverPercent: 100,
    centroidMm: [-123.4, -234.5, -1345.6] as [number, number, number],
  };
  const lesions = Array.from({ length: count }, () => lesion);
  return { ...metadata, hpb: { ...metadata.hpb, lesions, lesionCount: count } };
}

function indexed(at: number, measured: Metadata): IndexedCase {
  const bad = at % 5 === 4;
  const error = new HpbError('CT_ALL_AIR', 'The CT holds nothing but air.', { remedy: 'Scan somebody.' });
  return {
    entry: {
      caseId: caseIdOf(at + 1),
      name: `${LONG_NAME}_${at}`,
      outcome: bad ? 'failed' : 'succeeded',
      error: bad ? error.toDocument() : null,
      demo: bad ? null : true,
      seconds: bad ? null : 12345,
      bytes: 9,
    },
    folder: bad ? null : `case_${at}`,
    files: bad ? [] : ['report.html'],
    measured: bad ? null : measured,
  };
}

const open = (file: string): Promise<unknown> => page.goto(pathToFileURL(join(folder, file)).href);

/** What sticks out to the right of the page, or of the box that it lies in. Scripts of the page are text: it has a DOM. */
const clipped = (): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll('.wide, html')]
    .filter((one) => one.scrollWidth > one.clientWidth)
    .map((one) => one.tagName + ': ' + one.scrollWidth + ' of ' + one.clientWidth)`);

/** Least contrast (WCAG 2.2) of a text with the ground that it lies on. */
const leastContrast = (): Promise<number> =>
  page.evaluate(`(() => {
    const parts = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
    const linear = (value) => value <= 10.31 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const groundOf = (one) => {
      if (one === null) return [255, 255, 255];
      const ground = parts(getComputedStyle(one).backgroundColor);
      return ground.length === 4 && ground[3] === 0 ? groundOf(one.parentElement) : ground;
    };
    const hasText = (one) => [...one.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim() !== '');
    const contrasts = [...document.querySelectorAll('body *')].filter(hasText).map((one) => {
      const [a, b] = [light(parts(getComputedStyle(one).color)), light(groundOf(one))];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    });
    return Math.min(...contrasts);
  })()`);

describe.each(['report.html', 'index.html'])('%s with 40 rows', (file) => {
  it('is whole on a screen of 1100 pixels', async () => {
    await page.emulateMedia({ media: 'screen' });
    await page.setViewportSize({ width: 1100, height: 800 });
    await open(file);

    expect(await clipped()).toEqual([]);
  });

  it('is whole on A4', async () => {
    await page.emulateMedia({ media: 'print' });
    await page.setViewportSize({ width: PAPER, height: 1000 });
    await open(file);

    expect(await clipped()).toEqual([]);
  });

  it('never scrolls sideways as a page on a telephone: tables do, by keyboard too', async () => {
    await page.emulateMedia({ media: 'screen' });
    await page.setViewportSize({ width: 390, height: 800 });
    await open(file);

    expect((await clipped()).filter((one) => one.startsWith('HTML'))).toEqual([]);
    const reached = `[...document.querySelectorAll('.wide')].every(({ tabIndex }) => tabIndex === 0)`;
    expect(await page.evaluate(reached)).toBe(true);
  });

  it('begins with a link to the result for those who use the keyboard', async () => {
    await page.emulateMedia({ media: 'screen' });
    await open(file);
    await page.keyboard.press('Tab');

    expect(await page.evaluate(`document.activeElement.getAttribute('href')`)).toBe('#main');
    const left = await page.evaluate(`document.activeElement.getBoundingClientRect().left`);
    expect(left).toBeGreaterThanOrEqual(0);
  });

  it.each(['light', 'dark'] as const)('has text that stands out from its ground when %s', async (scheme) => {
    await page.emulateMedia({ media: 'screen', colorScheme: scheme });
    await open(file);

    expect(await leastContrast()).toBeGreaterThan(4.5);
  });
});
