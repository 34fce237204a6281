/**
 * Takes the README's picture: the top of a report.html in Chromium.
 *
 *   node scripts/write-picture.ts --report REPORT.html --out FILE.png [--chromium PATH]
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { commandOptions } from './command-options.ts';

const WIDTH = 1120;
const HEIGHT = 1560;

const values = commandOptions(import.meta.filename, {
  report: { type: 'string' },
  out: { type: 'string' },
  chromium: { type: 'string', default: '/usr/bin/chromium' },
});
const browser = await chromium.launch({ executablePath: values.chromium, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: WIDTH, height: HEIGHT }, colorScheme: 'light' });
  await page.goto(pathToFileURL(resolve(values.report!)).href);
  await page.screenshot({ path: values.out! });
} finally {
  await browser.close();
}
