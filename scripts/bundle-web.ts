/**
 * Bundles the page into `dist/web`: `index.html`, and scripts and styles under names that hold a hash of their content,
 * with the licences of what is inside. `npm run web`, part of `prepack`; the service does it where it is missing.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, type BuildResult } from 'esbuild';

const SOURCE = 'web';
const INPUTS = 'inputs.json';
/** Of the repository, beside what esbuild reads. */
const TEMPLATE = `${SOURCE}/index.html`;

type Bundled = BuildResult<{ write: false; metafile: true }>;

/** Where the page lies below the root of a checkout or of an installed package. */
export const pageFolder = (root: string): string => join(root, 'dist', 'web');

/** Whether the page below `root` is there and made of the sources as they are. */
export async function isPageFresh(root: string): Promise<boolean> {
  try {
    const text = await readFile(join(pageFolder(root), INPUTS), 'utf8');
    const made = JSON.parse(text) as Record<string, string>;
    const now = await hashes(root, Object.keys(made));
    return Object.entries(made).every(([path, hash]) => now[path] === hash);
  } catch {
    return false;
  }
}

/** Makes the page below `root`; it appears whole, in place of an older one. */
export async function bundlePage(root: string): Promise<void> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: { page: `${SOURCE}/main.ts`, style: `${SOURCE}/style.css` },
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    outdir: pageFolder(root),
    bundle: true,
    splitting: true,
    minify: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2023',
    // What types are checked with does not change what comes out.
    tsconfigRaw: {},
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  const { inputs } = result.metafile;
  const own = [TEMPLATE, ...Object.keys(inputs).filter((path) => !path.includes('node_modules/'))];
  const files: Record<string, string | Uint8Array> = {
    'licences.txt': await licences(root, Object.keys(inputs)),
    'index.html': await indexHtml(root, result),
    [INPUTS]: JSON.stringify(await hashes(root, own)),
  };
  for (const { path, contents } of result.outputFiles) files[basename(path)] = contents;
  await replaceFolder(pageFolder(root), files);
}

async function hashes(root: string, paths: readonly string[]): Promise<Record<string, string>> {
  const entries = paths.map(async (path) => {
    const content = await readFile(join(root, path));
    return [path, createHash('sha256').update(content).digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function indexHtml(root: string, { metafile }: Bundled): Promise<string> {
  const outputOf = (source: string): string => {
    const found = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === source);
    return `/page/${basename(found![0])}`;
  };
  const template = await readFile(join(root, TEMPLATE), 'utf8');
  return template
    .replace('{{script}}', outputOf(`${SOURCE}/main.ts`))
    .replace('{{style}}', outputOf(`${SOURCE}/style.css`));
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/** The notices of all packages that are inside, as their licences ask for. */
async function licences(root: string, inputs: readonly string[]): Promise<string> {
  const folders = new Set(
    inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  );
  const notices = [...folders].sort().map(async (folder) => {
    const text = await readFile(join(root, folder, 'package.json'), 'utf8');
    const { name, version, license } = JSON.parse(text) as Manifest;
    return `${name} ${version} (${license})\n\n${(await licenceText(root, folder, name)).trim()}\n`;
  });
  return (await Promise.all(notices)).join(`\n${'-'.repeat(72)}\n\n`);
}

/** Of the package itself; for those that ship without theirs, our copy. */
async function licenceText(root: string, folder: string, name: string): Promise<string> {
  const places = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE', 'license'].map((file) =>
    join(root, folder, file),
  );
  const ours = join(root, SOURCE, 'licences', `${name.replace('@', '').replace('/', '-')}.txt`);
  return readFile(places.find((path) => existsSync(path)) ?? ours, 'utf8');
}

async function replaceFolder(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  const made = `${folder}.${randomUUID()}`;
  await mkdir(made, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(made, name), content);
  await rm(folder, { recursive: true, force: true });
  try {
    await rename(made, folder);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    // Somebody else has made the same page in this moment.
    if (!existsSync(join(folder, INPUTS))) throw error;
  }
}

if (import.meta.main) await bundlePage(join(import.meta.dirname, '..'));
