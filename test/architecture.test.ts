import { readdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  API_BUNDLE_MOST_BYTES,
  API_START_MOST_BYTES,
  bundleApi,
  bytesOf,
  sourcesOf,
  type ApiBundle,
} from '../bench/service/bundle-api.ts';
import { ROOT } from './fixtures/hpb-command.ts';

/** Folders of ours that something reaches. */
function foldersReached({ inputs }: Metafile): readonly string[] {
  const own = Object.keys(inputs).filter((path) => !path.includes('node_modules/'));
  return [...new Set(own.map((path) => path.split('/')[0]!))].sort();
}

/** Everything that is imported and not inside, by the name that it is imported by. */
function importsFromOutside({ inputs }: Metafile): readonly string[] {
  const all = Object.values(inputs).flatMap(({ imports }) => imports);
  return [...new Set(all.filter(({ external }) => external === true).map(({ path }) => path))];
}

/** All that the sources of a folder reach, packages left outside. */
async function reachOf(folder: string): Promise<Metafile> {
  const sources = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(folder, path));
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: sources,
    outdir: 'nowhere',
    write: false,
    bundle: true,
    metafile: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
  return metafile;
}

describe('the API as a Lambda holds it', () => {
  let bundle: ApiBundle;
  beforeAll(async () => {
    bundle = await bundleApi();
  });

  it('stays within its size, as a whole and in what it loads at its start', () => {
    expect(bytesOf(bundle, bundle.reached)).toBeLessThanOrEqual(API_BUNDLE_MOST_BYTES);
    expect(bytesOf(bundle, bundle.atStart)).toBeLessThanOrEqual(API_START_MOST_BYTES);
  });

  it('holds core and adapters and nothing of the command, the laptop or the worker', () => {
    const own = sourcesOf(bundle, bundle.reached).filter((path) => !path.includes('node_modules/'));

    expect([...new Set(own.map((path) => path.split('/')[0]!))].sort()).toEqual([
      'adapters',
      'core',
      'lambdas',
      'package.json',
    ]);
  });

  it('holds all that it needs beside Node', () => {
    const outside = importsFromOutside(bundle.metafile);

    expect(outside).toContain('node:crypto');
    expect(outside.filter((name) => !isBuiltin(name))).toEqual([]);
  });

  it('holds neither the interpreter of the workflow nor a part of the engines', () => {
    const sources = sourcesOf(bundle, bundle.reached);

    expect(sources.filter((path) => /aws-local-stepfunctions|engine-host|aws-cdk/.test(path))).toEqual([]);
  });

  it('loads clients of services that most calls do without only when they are used', () => {
    const clients = sourcesOf(bundle, bundle.atStart).flatMap(
      (path) => /@aws-sdk\/(client-[^/]+)/.exec(path)?.[1] ?? [],
    );

    expect(new Set(clients)).toEqual(new Set(['client-s3']));
  });
});

describe('the dependency rule, whatever a file reaches by way of others', () => {
  it('core reaches no built-in module of Node, and of packages only zod', async () => {
    expect(importsFromOutside(await reachOf('core'))).toEqual(['zod']);
  });

  it.each([
    ['core', ['core']],
    ['adapters', ['adapters', 'core']],
    ['container', ['adapters', 'container', 'core']],
    ['lambdas', ['adapters', 'core', 'lambdas', 'package.json']],
  ])('%s reaches %j only', async (folder, allowed) => {
    expect(foldersReached(await reachOf(folder))).toEqual(allowed);
  });

  it('nothing that is installed reaches benchmarks or tests', async () => {
    const reached = await Promise.all(
      ['local', 'cli'].map(async (folder) => foldersReached(await reachOf(folder))),
    );

    expect(reached.flat().filter((folder) => ['bench', 'test', 'scripts'].includes(folder))).toEqual([]);
  });
});
