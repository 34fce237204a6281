import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../fixtures/browser.ts';
import { goodCt, RunningService } from '../fixtures/running-service.ts';
import { jobCard, seenPage, type SeenPage } from '../fixtures/seen-page.ts';

/** Twice as long as the page waits before it asks for a job again. */
const WATCH_MS = 4_000;

const folder = mkdtempSync(join(tmpdir(), 'hpb-views-'));
const slow = new RunningService('slow', join(folder, 'slow'));
const ok = new RunningService('ok', join(folder, 'ok'));
let browser: Awaited<ReturnType<typeof openBrowser>>;
let context: BrowserContext;

beforeAll(async () => {
  browser = await openBrowser();
  ({ context } = browser);
});
afterAll(async () => {
  await browser?.close();
  for (const service of [slow, ok]) await service.stop('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const openPage = async (service: RunningService): Promise<SeenPage> => seenPage(context, await service.url());
const send = async (page: Page, name: string): Promise<void> =>
  page.setInputFiles('#file', { name: `${name}.nii.gz`, mimeType: '', buffer: await goodCt(3) });

/** Holds the requests that match back; `release` lets them on. */
async function heldBack(page: Page, url: RegExp, method: string) {
  let caught = (): void => undefined;
  let release = (): void => undefined;
  const first = new Promise<void>((resolve) => (caught = resolve));
  const gate = new Promise<void>((resolve) => (release = resolve));
  await page.route(url, async (route: Route) => {
    if (route.request().method() === method) {
      caught();
      await gate;
    }
    await route.continue();
  });
  return { first, release };
}

/** Drops real files, as a file manager does. */
async function dropFiles(page: Page, files: string[]): Promise<void> {
  const { x, y } = (await page.locator('.drop').boundingBox())!;
  const place = { x: x + 20, y: y + 20, data: { items: [], files, dragOperationsMask: 1 } };
  const session = await context.newCDPSession(page);
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, ...place });
}

/** Shows another view: that of a case which is not there. */
const leave = async (page: Page): Promise<void> => {
  await page.evaluate("location.hash = '#/jobs/j-nothing1/c0001'");
  await page.getByRole('heading', { name: 'This cannot be shown' }).waitFor();
};

describe('a view of the page', () => {
  it('that was left while its jobs were loading watches none of them', async () => {
    const job = await slow.submit('liver', 'slow.nii.gz', await goodCt(1));
    const { page, requests } = await openPage(slow);
    const loading = await heldBack(page, new RegExp(`/jobs/${job.jobId}$`), 'GET');
    await page.reload();
    await loading.first;

    await leave(page);
    requests.length = 0;
    loading.release();
    await sleep(WATCH_MS);

    expect(requests.filter((line) => line.includes(job.jobId))).toEqual([]);
  });

  it('that is left leaves its uploads alone, which are there when it is shown again', async () => {
    const { page } = await openPage(ok);
    const sending = await heldBack(page, /\/objects\//, 'PUT');
    await send(page, 'patient');
    await sending.first;

    await leave(page);
    await page.getByRole('link', { name: 'All cases' }).click();
    await page.getByRole('progressbar', { name: 'Upload of patient.nii.gz' }).waitFor();
    sending.release();

    await jobCard(page, 'patient').getByText('Done').waitFor();
    expect(await page.locator('.uploads li').count()).toBe(0);
  });
});

describe('a case', () => {
  it('that is left while its files are loading asks for no more of them', async () => {
    const { page, requests } = await openPage(ok);
    await send(page, 'first');
    const open = jobCard(page, 'first').getByRole('link', { name: 'Open' });
    await open.waitFor();
    const loading = await heldBack(page, /\/files\/preview%2Fct|\/files\/preview\/ct/, 'GET');
    await open.click();
    await loading.first;

    await leave(page);
    requests.length = 0;
    loading.release();
    await page.waitForLoadState('networkidle');
    await sleep(500);

    expect(requests.filter((line) => /mask|liver|task008|mz3/.test(line))).toEqual([]);
  });

  it('in a browser that cannot draw has its measures and files, and says what to do', async () => {
    const { page } = await openPage(ok);
    await page.addInitScript('HTMLCanvasElement.prototype.getContext = () => null');
    await page.reload();
    await send(page, 'undrawn');

    await jobCard(page, 'undrawn').getByRole('link', { name: 'Open' }).click();

    await page.getByRole('alert').getByText('This browser cannot draw the pictures').waitFor();
    expect(await page.getByRole('row', { name: /^Liver \d/ }).count()).toBe(1);
  });

  it.each([320, 1440])('and the list fit into %i pixels', async (width) => {
    const { page } = await openPage(ok);
    await page.setViewportSize({ width, height: 800 });
    await send(page, 'a-long-name-of-a-case-that-has-no-blanks_and_underscores');
    const tooWide = (): Promise<number> =>
      page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    const open = page.locator('.job').first().getByRole('link', { name: 'Open' });
    await open.waitFor();
    expect(await tooWide()).toBe(0);

    await open.click();
    await page.locator('.sliders').waitFor();

    expect(await tooWide()).toBe(0);
  });
});

describe('a file', () => {
  it('that changes before it is sent is named as the reason', async () => {
    const { page } = await openPage(ok);
    const path = join(folder, 'growing.nii.gz');
    writeFileSync(path, await goodCt(3));
    const opening = await heldBack(page, /\/uploads$/, 'POST');
    await page.setInputFiles('#file', path);
    await opening.first;

    appendFileSync(path, 'more');
    opening.release();

    const words = await page.locator('.uploads [role="alert"]').textContent();
    expect(words).toContain('The file changed or went away before it was sent.');
  });

  it.each(['gone.nii.gz', 'folder'])('dropped as %s beside others does not stop them', async (name) => {
    const { page } = await openPage(ok);
    const [good, other] = [join(folder, `with-${name}.nii.gz`), join(folder, name)];
    writeFileSync(good, await goodCt(3));
    if (name === 'folder') mkdirSync(other);

    await dropFiles(page, [other, good]);

    await jobCard(page, `with-${name}`).getByText('Done').waitFor();
    await page.locator('.uploads li', { hasText: name }).getByRole('alert').waitFor();
  });
});

it('a browser that lets no page store anything shows the page, and what becomes of a job', async () => {
  const { page, complaints } = await openPage(ok);
  await page.addInitScript(`
    const denied = () => { throw new DOMException('denied', 'SecurityError'); };
    Object.defineProperty(window, 'localStorage', { get: denied });
    LockManager.prototype.request = async () => denied();
  `);
  await page.reload();

  await page.getByRole('button', { name: 'Theme: auto' }).click();
  await page.getByRole('button', { name: 'Theme: light' }).waitFor();
  await send(page, 'unstored');

  await jobCard(page, 'unstored').getByText('Done').waitFor();
  expect(complaints).toEqual([]);
});

describe('an upload', () => {
  /** Loses the first requests that match, as a service does that restarts. */
  const lose = async (page: Page, url: RegExp, times: number): Promise<void> => {
    await page.route(url, (route) => (times-- > 0 ? route.abort() : route.continue()));
  };

  it('goes on when the service is back, and says meanwhile what it waits for', async () => {
    const { page } = await openPage(ok);
    await lose(page, /\/objects\//, 1);
    await lose(page, /\/parts$/, 1);

    await send(page, 'restarted');

    await page.locator('.uploads').getByText('The service does not answer.').waitFor();
    await jobCard(page, 'restarted').getByText('Done').waitFor();
  });

  it('can be cancelled while the service is away', async () => {
    const { page } = await openPage(ok);
    await lose(page, /\/objects\//, 1);
    await lose(page, /\/parts$/, 100);
    await send(page, 'unwanted');
    await page.locator('.uploads').getByText('The service does not answer.').waitFor();

    await page.getByRole('button', { name: 'Cancel unwanted.nii.gz' }).click();

    await page.getByRole('alert').getByText('The upload was cancelled.').waitFor();
  });
});

describe('a tab', () => {
  it('asks before it is closed while it sends a file, and not any more afterwards', async () => {
    const { page } = await openPage(ok);
    // A browser asks nobody who has not touched the page.
    await page.getByRole('heading', { name: 'New case' }).click();
    const sending = await heldBack(page, /\/objects\//, 'PUT');
    await send(page, 'closed');
    await sending.first;
    const asked = page.waitForEvent('dialog');

    await page.close({ runBeforeUnload: true });
    const dialog = await asked;

    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
    sending.release();
    await jobCard(page, 'closed').getByText('Done').waitFor();
    const closed = page.waitForEvent('close');
    await page.close({ runBeforeUnload: true });
    await closed;
  });
});

describe('an upload that is cancelled', () => {
  it('once its bytes are there becomes no job', async () => {
    const { page, requests } = await openPage(ok);
    const completing = await heldBack(page, /\/complete$/, 'POST');
    await send(page, 'late');
    await completing.first;

    await page.getByRole('button', { name: 'Cancel late.nii.gz' }).click();
    completing.release();

    const words = await page.locator('.uploads [role="alert"]').textContent();
    expect(words).toContain('The upload was cancelled.');
    expect(requests.filter((line) => line.includes('/segment/'))).toEqual([]);
  });

  it('while its job is being started cancels that', async () => {
    const { page } = await openPage(slow);
    const starting = await heldBack(page, /\/segment\//, 'POST');
    await send(page, 'later');
    await starting.first;

    await page.getByRole('button', { name: 'Cancel later.nii.gz' }).click();
    starting.release();

    await page.locator('.job [data-state="CANCELLED"]').waitFor();
    expect(await page.locator('.uploads li').count()).toBe(0);
  });
});

describe('the report of a case', () => {
  it('that cannot be fetched says why, and opens once it can', async () => {
    const { page } = await openPage(ok);
    await send(page, 'reported');
    await jobCard(page, 'reported').getByRole('link', { name: 'Open' }).click();
    const button = page.getByRole('button', { name: 'Open the report' });
    await button.waitFor();
    await page.route(/report\.html/, (route) => route.abort());

    await button.click();

    const words = await page.locator('#files ~ * [role="alert"]:not([hidden])').textContent();
    expect(words).toContain('The service does not answer.');
    await page.unroute(/report\.html/);
    const opened = context.waitForEvent('page');
    await button.click();
    const report = await opened;
    await report.waitForURL(/^blob:/);
    expect(await report.locator('h1').first().textContent()).toContain('reported');
    await report.close();
  });
});
