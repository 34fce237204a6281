import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { isFinal } from '../../core/job.ts';
import { openBrowser } from '../fixtures/browser.ts';
import { goodCt, RunningService, tarGz } from '../fixtures/running-service.ts';
import { jobCard, seenPage, type SeenPage } from '../fixtures/seen-page.ts';

const folder = mkdtempSync(join(tmpdir(), 'hpb-shared-jobs-'));
const slow = new RunningService('slow', join(folder, 'slow'));
const leisurely = new RunningService('leisurely', join(folder, 'leisurely'));
let browser: Awaited<ReturnType<typeof openBrowser>>;
let context: BrowserContext;

beforeAll(async () => {
  browser = await openBrowser();
  ({ context } = browser);
});
afterAll(async () => {
  await browser?.close();
  for (const service of [slow, leisurely]) await service.stop('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const openPage = async (service: RunningService): Promise<SeenPage> => seenPage(context, await service.url());
const purge = (service: RunningService, jobId: string): Promise<Response> =>
  service.fetch(`/jobs/${jobId}?purge=true`, { method: 'DELETE' });
const running = async (name: string) => slow.submit('liver', `${name}.nii.gz`, await goodCt(1));
/** A job that has failed, of which there is something to retry. */
const cancelled = async (name: string) => {
  const { jobId } = await running(name);
  // Before, it has no name.
  await slow.until(jobId, ({ cases }) => cases.length > 0);
  await slow.fetch(`/jobs/${jobId}`, { method: 'DELETE' });
  return slow.until(jobId, ({ state }) => isFinal(state));
};

describe('a job that somebody else', () => {
  it('deletes while it runs leaves the list', async () => {
    const { jobId } = await running('away');
    // More than have a stream of their own: some are asked for.
    const others = [await running('other-1'), await running('other-2')];
    const { page } = await openPage(slow);
    const cards = ['away', 'other-1', 'other-2'].map((name) => jobCard(page, name));
    for (const card of cards) await card.waitFor();

    for (const { jobId: id } of [{ jobId }, ...others]) await purge(slow, id);

    for (const card of cards) await card.waitFor({ state: 'detached' });
    await page.getByText('Nothing yet.').waitFor();
  });

  it('has deleted is gone when it is to be deleted, tried again or cancelled here', async () => {
    const [one, two] = [await cancelled('one'), await cancelled('two')];
    const { page } = await openPage(slow);
    await jobCard(page, 'one').waitFor();
    for (const { jobId } of [one, two]) await purge(slow, jobId);

    await jobCard(page, 'one').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await jobCard(page, 'two').getByRole('button', { name: 'Retry' }).click();

    for (const name of ['one', 'two']) await jobCard(page, name).waitFor({ state: 'detached' });
  });

  it('has tried again already is shown as it is when it is to be tried again here', async () => {
    const { jobId } = await cancelled('again');
    const { page } = await openPage(slow);
    const card = jobCard(page, 'again');
    await card.getByText('Cancelled', { exact: true }).waitFor();
    expect((await slow.fetch(`/jobs/${jobId}/retry`, { method: 'POST' })).status).toBe(202);

    await card.getByRole('button', { name: 'Retry' }).click();

    await card.getByRole('button', { name: 'Cancel' }).waitFor();
    expect(await card.getByRole('alert').count()).toBe(0);
    await purge(slow, jobId);
  });
});

describe('a job', () => {
  it('is tried again once by a double click', async () => {
    const { jobId } = await cancelled('twice');
    const { page, requests } = await openPage(slow);
    const card = jobCard(page, 'twice');

    await card.getByRole('button', { name: 'Retry' }).dblclick();

    await card.getByText('segmenting').waitFor();
    expect(await card.getByRole('alert').count()).toBe(0);
    expect(requests.filter((line) => line.endsWith('/retry'))).toHaveLength(1);
    await purge(slow, jobId);
  });

  it('is watched in many tabs at once, none of which holds the others up', async () => {
    const jobs = [await running('tabs-1'), await running('tabs-2')];
    const pages: SeenPage[] = [];
    for (let tab = 0; tab < 5; tab += 1) {
      const seen = await openPage(slow);
      await jobCard(seen.page, 'tabs-2').waitFor();
      pages.push(seen);
    }

    for (const { jobId } of jobs) await slow.fetch(`/jobs/${jobId}`, { method: 'DELETE' });

    for (const { page } of pages)
      for (const name of ['tabs-1', 'tabs-2'])
        await jobCard(page, name).getByText('Cancelled', { exact: true }).waitFor();
    for (const { jobId } of jobs) await purge(slow, jobId);
  });

  it('with many cases lets its reader stay where they read', async () => {
    const names = Array.from({ length: 60 }, (_, at) => `case-${at}.nii.gz`);
    const [ct, letter] = [await goodCt(2), Buffer.from('Dear colleague')];
    const members = Object.fromEntries(names.map((name, at) => [name, at % 10 === 0 ? ct : letter]));
    const { page } = await openPage(leisurely);
    await page.setInputFiles('#file', { name: 'many.tar.gz', mimeType: '', buffer: await tarGz(members) });
    const card = page.locator('.job', { hasText: '59 more' });
    await card.locator('summary').click();
    await card.getByText('segmenting').waitFor();
    await page.evaluate('window.scrollTo(0, 1500)');
    const words = card.locator('.progress .note');
    const before = await words.textContent();

    await expect.poll(() => words.textContent(), { timeout: 30_000 }).not.toBe(before);

    expect(await page.evaluate('window.scrollY')).toBe(1500);
    expect(await page.evaluate('document.activeElement.dataset.action')).toBe('cases');
  });
});

describe('a service that goes away', () => {
  it(
    'is told of beside what it was doing, and heard again when it is back',
    { timeout: 120_000 },
    async () => {
      const data = join(folder, 'away');
      const first = new RunningService('slow', data);
      onTestFinished(async () => void (await first.stop('SIGKILL')));
      const { port } = new URL(await first.url());
      const { page } = await openPage(first);
      await page.setInputFiles('#file', { name: 'left.nii.gz', mimeType: '', buffer: await goodCt(5) });
      const card = jobCard(page, 'left');
      await card.getByText('segmenting').waitFor();

      await first.stop('SIGKILL');
      await card.getByText('The service does not answer.').waitFor();

      const second = new RunningService('ok', data, { HPB_PORT: port });
      onTestFinished(async () => void (await second.stop('SIGKILL')));
      await second.url();
      await card.getByText('Done', { exact: true }).waitFor();
      expect(await card.getByText('The service does not answer.').count()).toBe(0);
    },
  );

  it('before the page has asked for anything leaves a way to try again', async () => {
    const { page } = await openPage(leisurely);
    await page.route('**/version', (route) => route.abort());
    await page.reload();
    await page.getByRole('alert').getByText('The service does not answer.').waitFor();
    await page.unroute('**/version');

    await page.getByRole('link', { name: 'All cases' }).click();

    await page.getByRole('heading', { name: 'New case' }).waitFor();
  });

  it('when the list is asked for is not told as if there were no cases', async () => {
    const { page } = await openPage(leisurely);
    await page.route('**/jobs?*', (route) => route.abort());

    await page.reload();

    await page.getByRole('alert').getByText('The service does not answer.').waitFor();
    expect(await page.getByText('Nothing yet.').isVisible()).toBe(false);
  });
});
