/**
 * Opens volume and meshes of a result in vtk.js in a real browser, and takes a picture:
 *
 * npm run viewer:picture -- --result FOLDER --out FILE.png [--chromium PATH]
 *
 * of a folder that `hpb segment` or `hpb report` made, so of any CT.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { structureOfMeshFile, VOLUME_FILE } from '../core/results/meshed-structures.ts';
import type { drawScene, SeenScene } from './viewer-scene.ts';
import { commandOptions } from './command-options.ts';

/** Answered from the folder; nothing is asked of any network. */
const ORIGIN = 'http://case.invalid/';
const SIZE = { width: 1100, height: 800 };
/** WebGL without a graphics card. */
const FLAGS = ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'];

/**
 * Draws a result and returns what the readers made of it, with the errors that the browser logged.
 *
 * @param out Where the picture goes (PNG).
 */
export async function viewerPicture(
  result: string,
  { out, browserPath }: { readonly out: string; readonly browserPath: string },
): Promise<SeenScene & { readonly complaints: readonly string[] }> {
  const files = await readdir(join(result, 'segmentations'));
  const meshes = files.toSorted().flatMap((file) => {
    const path = `segmentations/${file}`;
    const structure = structureOfMeshFile(path);
    return structure === null ? [] : [[structure, ORIGIN + path] as const];
  });
  const browser = await chromium.launch({ executablePath: browserPath, args: FLAGS });
  try {
    const page = await browser.newPage({ viewport: SIZE });
    const complaints: string[] = [];
    page.on('pageerror', ({ message }) => void complaints.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.route(`${ORIGIN}**`, async (route) => {
      const path = new URL(route.request().url()).pathname.slice(1);
      if (path === '') return route.fulfill({ contentType: 'text/html', body: '<!doctype html>' });
      return route.fulfill({ body: await readFile(join(result, path)) });
    });
    await page.goto(ORIGIN);
    await page.addScriptTag({ content: await sceneScript() });
    const scene = await page.evaluate(
      ([volume, surfaces]) =>
        (globalThis as unknown as { drawScene: typeof drawScene }).drawScene(volume, surfaces),
      [ORIGIN + VOLUME_FILE, Object.fromEntries(meshes)] as const,
    );
    await page.screenshot({ path: out });
    return { ...scene, complaints };
  } finally {
    await browser.close();
  }
}

async function sceneScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('viewer-scene.ts', import.meta.url))],
    bundle: true,
    format: 'iife',
    platform: 'browser',
    // Its entry is for Node.
    alias: { xmlbuilder2: 'xmlbuilder2/lib/xmlbuilder2.min.js' },
    write: false,
    tsconfigRaw: {},
    logLevel: 'error',
  });
  return outputFiles[0]!.text;
}

if (import.meta.main) {
  const { result, out, chromium } = commandOptions(
    import.meta.filename,
    {
      result: { type: 'string' },
      out: { type: 'string' },
      chromium: { type: 'string', default: '/usr/bin/chromium' },
    },
    ['result', 'out'],
  );
  const scene = await viewerPicture(result, { out, browserPath: chromium });
  console.log(JSON.stringify(scene));
}
