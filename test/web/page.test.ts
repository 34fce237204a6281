import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import { openBrowser } from '../fixtures/browser.ts';
import { goodCt, RunningService, tarGz } from '../fixtures/running-service.ts';
import { jobCard, seenPage, type SeenPage } from '../fixtures/seen-page.ts';

/** Pictures are drawn by the CPU here. */
const SLOW = { timeout: 30_000 };
const OFFERED = ['maxCostUsd', 'publish'];
const MARKUP = '<img src=x onerror=alert(1)>.nii.gz';
/** From this size on the service wants an upload in parts. */
const PARTS_FROM_BYTES = 100_000_000;

const folder = mkdtempSync(join(tmpdir(), 'hpb-page-'));
const phantom = join(folder, 'phantom.nii.gz');
const service = new RunningService('ok', join(folder, 'data'));
let browser: Awaited<ReturnType<typeof openBrowser>>;
let context: BrowserContext;

beforeAll(async () => {
  await writeNifti(phantom, makePhantom({ seed: 1, grid: phantomGrid('small') }).ct);
  browser = await openBrowser();
  ({ context } = browser);
});
afterAll(async () => {
  await browser?.close();
  await service.stop('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const openPage = async (path = '/', of = service): Promise<SeenPage> =>
  seenPage(context, `${await of.url()}${path}`);

/** How many pixels of the canvas are brighter than its background. */
async function brightPixels(page: Page): Promise<number> {
  const { data } = PNG.sync.read(await page.locator('canvas').screenshot());
  let bright = 0;
  for (let at = 0; at < data.length; at += 4)
    if (data[at]! + data[at + 1]! + data[at + 2]! > 150) bright += 1;
  return bright;
}

describe('the page', () => {
  it('takes a CT, tells how it goes on, and shows CT, masks, meshes and measures', async () => {
    const { page, requests, complaints } = await openPage();

    await page.setInputFiles('#file', phantom);
    await jobCard(page, 'phantom').getByRole('link', { name: 'Open' }).click();
    await page.locator('.sliders').waitFor();

    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('phantom');
    expect(await page.locator('.demo').textContent()).toContain('DEMO WEIGHTS');
    expect(await page.locator('.verdict').getAttribute('data-verdict')).not.toBe('ok');
    const [, jobId] = /#\/jobs\/([^/]+)\//.exec(page.url())!;
    const metadata = (await (
      await service.fetch(`/jobs/${jobId}/cases/c0001/files/metadata.json`)
    ).json()) as { structures: { name: string; volumeMl: number }[] };
    const { volumeMl } = metadata.structures.find(({ name }) => name === 'liver')!;
    const shownMl = Math.round(volumeMl).toLocaleString('en-GB');
    expect(await page.getByRole('row', { name: /^Liver \d/ }).textContent()).toContain(`${shownMl} ml`);
    expect(await page.locator('.readout').textContent()).toContain('Liver');
    expect(await brightPixels(page)).toBeGreaterThan(20_000);
    expect(await page.getByRole('radio', { name: '3-D' }).count()).toBe(1);

    const origin = await service.url();
    const elsewhere = requests.filter((request) => {
      const url = request.split(' ')[1]!;
      return !url.startsWith(`${origin}/`) && !url.startsWith('data:') && !url.startsWith('blob:');
    });
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('works with the keyboard alone', async () => {
    const { page } = await openPage();
    const chosen = page.waitForEvent('filechooser');
    await page.locator('input[value="both"]').focus();

    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect(await page.locator('input[name="model"]:checked').getAttribute('value')).toBe('liver');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await (await chosen).setFiles({ name: 'by-keyboard.nii.gz', mimeType: '', buffer: await goodCt(7) });
    await jobCard(page, 'by-keyboard').getByRole('link', { name: 'Open' }).focus();
    await page.keyboard.press('Enter');
    const axial = page.getByRole('slider', { name: 'Axial slice' });
    await axial.waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await axial.focus();
    const before = Number(await axial.inputValue());
    await page.keyboard.press('ArrowRight');
    expect(Number(await axial.inputValue())).toBe(before + 1);
    expect(await page.locator('canvas').getAttribute('aria-label')).toContain(`Axial slice ${before + 2}`);
    const filled = await brightPixels(page);
    await page.getByRole('checkbox', { name: 'Outlines' }).focus();
    await page.keyboard.press('Space');
    await expect.poll(() => brightPixels(page), SLOW).not.toBe(filled);
    const withLiver = await page.locator('canvas').screenshot();
    await page.getByRole('checkbox', { name: 'Liver' }).focus();
    await page.keyboard.press('Space');
    await expect
      .poll(async () => withLiver.equals(await page.locator('canvas').screenshot()), SLOW)
      .toBe(false);
    expect(await page.locator('.readout').textContent()).toContain('HU');
  });

  it('says what is wrong with a large file that is no CT, sent in parts', async () => {
    const large = join(folder, 'large.nii');
    writeFileSync(large, Buffer.alloc(PARTS_FROM_BYTES, 'no CT '));
    const { page, requests } = await openPage();

    await page.setInputFiles('#file', large);

    const words = await page.locator('.job .error').first().textContent();
    expect(words).toBe('The file is a text, not an image. Give a CT as .nii or .nii.gz.');
    expect(requests.filter((request) => request.startsWith('PUT ')).length).toBeGreaterThan(5);
  });

  it('asks for a limit of the cost and for the viewer where there is a use for them, and nowhere else', async () => {
    const { page } = await openPage();
    const limit = page.getByRole('spinbutton', { name: 'cost' });
    const publish = page.getByRole('checkbox', { name: 'Publish to the viewer' });
    expect(await limit.count()).toBe(0);
    expect(await publish.count()).toBe(0);
    await page.route('**/version', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), offers: OFFERED } });
    });
    await page.reload();
    const sent: unknown[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/segment/')) sent.push(request.postDataJSON());
    });
    const file = { name: 'dear.nii.gz', mimeType: '', buffer: await goodCt(11) };

    await limit.fill('-1');
    await publish.check();
    await page.setInputFiles('#file', file);
    expect(await page.locator('input[type=number]:focus:invalid').count()).toBe(1);
    expect(await page.locator('.uploads li').count()).toBe(0);
    await limit.fill('0.01');
    await page.setInputFiles('#file', file);

    // The service of this test has no viewer, and says so.
    await page.locator('.uploads [role="alert"]').getByText('no viewer to publish to').waitFor();
    expect(sent).toMatchObject([{ maxCostUsd: 0.01, publish: true }]);
  });

  it('shows why an empty file is not taken', async () => {
    const { page } = await openPage();

    await page.setInputFiles('#file', { name: 'empty.nii.gz', mimeType: '', buffer: Buffer.alloc(0) });

    expect(await page.locator('.uploads [role="alert"]').textContent()).toContain('sizeBytes');
  });

  it('shows a name with markup in it as it is', async () => {
    const { page, complaints } = await openPage();
    let alerted = false;
    page.on('dialog', () => void (alerted = true));

    await page.setInputFiles('#file', { name: MARKUP, mimeType: '', buffer: await goodCt(3) });
    await jobCard(page, MARKUP.replace('.nii.gz', '')).waitFor();

    expect(await page.locator('.job img').count()).toBe(0);
    expect(alerted).toBe(false);
    expect(complaints).toEqual([]);
  });

  it('lists the cases of an archive, each with its own outcome, and asks before it deletes', async () => {
    const { page } = await openPage();
    const archive = await tarGz({ 'one.nii.gz': await goodCt(4), 'two.nii.gz': Buffer.from('no CT') });

    await page.setInputFiles('#file', { name: 'week.tar.gz', mimeType: '', buffer: archive });
    const card = jobCard(page, 'one and 1 more');
    await card.getByText('Done in part').waitFor();
    await card.getByText('2 cases').click();

    expect(await card.locator('.cases .error').count()).toBe(1);
    expect(await card.getByRole('link', { name: 'Open one' }).count()).toBe(1);
    await card.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Keep' }).click();
    expect(await card.count()).toBe(1);
    await card.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await card.waitFor({ state: 'detached' });
  });

  it('cancels a job and tries it again', async () => {
    const slow = new RunningService('slow', join(folder, 'slow'));
    onTestFinished(async () => void (await slow.stop('SIGKILL')));
    const { page } = await openPage('/', slow);

    await page.setInputFiles('#file', phantom);
    const card = jobCard(page, 'phantom');
    await card.getByText('segmenting').waitFor();
    await card.getByRole('button', { name: 'Cancel' }).click();
    await card.getByText('Cancelled', { exact: true }).waitFor();
    await card.getByRole('button', { name: 'Retry' }).click();

    await card.getByText('segmenting').waitFor();
  });

  it('says so when the case that an address names is not there', async () => {
    const { page } = await openPage('/#/jobs/j-nothing1/c0001');

    expect(await page.getByRole('alert').textContent()).toContain('There is no job "j-nothing1"');
  });
});

describe('what the page is served with', () => {
  it('lets nothing in from elsewhere, and files under their hash stay for good', async () => {
    const answer = await service.fetch('/');
    const html = await answer.text();
    const [script] = /\/page\/page-[A-Z0-9]+\.js/.exec(html)!;
    const file = await service.fetch(script);

    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self';");
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(file.headers.get('content-type')).toContain('text/javascript');
    expect(file.headers.get('cache-control')).toContain('immutable');
    await file.body?.cancel();
  });

  it('leads from another name of this machine to the one that signed links begin with', async () => {
    const url = await service.url();

    const answer = await fetch(url.replace('127.0.0.1', 'localhost'), { redirect: 'manual' });

    expect([answer.status, answer.headers.get('location')]).toEqual([302, `${url}/`]);
  });

  it('holds the notices of what is inside, and nothing beside its own files', async () => {
    const answer = await service.fetch('/page/licences.txt');
    const notices = await answer.text();

    expect(notices).toContain('@niivue/niivue');
    expect(notices).toContain('Copyright (c) 2021, Niivue');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    for (const name of ['..%2F..%2Fpackage.json', 'index.html', 'inputs.json', 'nothing.js'])
      expect((await service.fetch(`/page/${name}`)).status, name).toBe(404);
  });
});
