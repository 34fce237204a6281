import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PageFiles } from '../../adapters/http-app/page-routes.ts';
import type * as bundleWeb from '../../scripts/bundle-web.ts';
import { HpbError } from '../../core/errors.ts';

type Bundler = typeof bundleWeb;
/** What the page was made of (`scripts/bundle-web.ts`), of use to nobody who looks at it. */
const BUILD_RECORD = 'inputs.json';

type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/**
 * The page of an installed package, or of a checkout: there it is bundled when it is first asked for and is missing or
 * older than its sources. Held in memory, so that a later build does not take files away from a page that is open.
 */
export function pageFiles(packageRoot: string): PageFiles {
  let loading: Promise<Files> | null = null;
  return {
    file: async (name) => {
      loading ??= load(packageRoot);
      try {
        return (await loading).get(name) ?? null;
      } catch (error) {
        loading = null;
        throw notBuilt(error);
      }
    },
  };
}

async function load(packageRoot: string): Promise<Files> {
  const script = join(packageRoot, 'scripts', 'bundle-web.ts');
  if (existsSync(script)) {
    const { bundlePage, isPageFresh } = (await import(pathToFileURL(script).href)) as Bundler;
    if (!(await isPageFresh(packageRoot))) await bundlePage(packageRoot);
  }
  const folder = join(packageRoot, 'dist', 'web');
  const names = (await readdir(folder)).filter((name) => name !== BUILD_RECORD);
  const read = async (name: string) => [name, new Uint8Array(await readFile(join(folder, name)))] as const;
  return new Map(await Promise.all(names.map(read)));
}

function notBuilt(cause: unknown): HpbError {
  return new HpbError('ROUTE_NOT_FOUND', 'The page of this service is not built.', {
    remedy: 'Run `npm run web` in the checkout and look at what it prints; the API works without the page.',
    cause,
  });
}
