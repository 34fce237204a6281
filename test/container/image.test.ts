import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WORKER_EXIT } from '../../core/errors.ts';
import { WORKER_USER } from '../../lib/constructs/worker-mounts.ts';
import { ROOT } from '../fixtures/hpb-command.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const IMAGE = join(ROOT, 'container', 'image');
const dockerfile = readFileSync(join(ROOT, 'container', 'Dockerfile'), 'utf8');
const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
const argument = (name: string): string => new RegExp(`^ARG ${name}=(.*)$`, 'm').exec(dockerfile)![1]!;

describe('the Dockerfile', () => {
  it('has the Node.js that the tests run on', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>;
    };
    expect(argument('NODE_VERSION')).toBe(devDependencies['node']);
  });

  it('runs as the user whom the machines have folders for', () => {
    expect(/^USER (.*)$/m.exec(dockerfile)![1]).toBe(`${WORKER_USER}:${WORKER_USER}`);
  });

  it('copies nothing that .dockerignore keeps away', () => {
    const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, paths]) =>
      paths!.split(' '),
    );
    const allowed = ignored.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const isAllowed = (path: string): boolean =>
      allowed.some((one) => path === one || path.startsWith(`${one}/`));

    expect(sources.length).toBeGreaterThan(5);
    expect(sources.filter((path) => !isAllowed(path))).toEqual([]);
    expect(ignored).toContain('*');
  });

  it('names no place of one machine and takes no secret', () => {
    expect(dockerfile).not.toMatch(/pip\.conf|npmrc|SECRET|TOKEN|PASSWORD/i);
    const bare = /\bpip3? install\b.*--(index-url|trusted-host) http/;
    expect(dockerfile).not.toMatch(bare);
  });
});

/** Files and links below a folder, which is not left through a link. */
const entries = (folder: string): string[] =>
  execFileSync('find', [folder, '-type', 'f', '-o', '-type', 'l'], { encoding: 'utf8' }).trim().split('\n');

describe('layers of the engines', () => {
  function split(files: Readonly<Record<string, number>>, count: number): string {
    const folder = tempFolder();
    const source = join(folder, 'venv');
    for (const [path, bytes] of Object.entries(files)) {
      mkdirSync(join(source, path, '..'), { recursive: true });
      writeFileSync(join(source, path), Buffer.alloc(bytes));
    }
    symlinkSync('lib', join(source, 'lib64'));
    execFileSync('python3', [join(IMAGE, 'split_layers.py'), source, join(folder, 'layers'), String(count)]);
    return folder;
  }

  it('hold everything once, links included, under its old path', () => {
    const files = { 'bin/python': 10, 'lib/a/one.so': 100, 'lib/a/two.so': 100, 'lib/b/three.so': 100 };
    const folder = split(files, 3);
    const found = [1, 2, 3].flatMap((layer) => {
      const root = join(folder, 'layers', String(layer), folder, 'venv');
      return entries(root).map((path) => path.slice(root.length + 1));
    });

    expect(found.sort()).toEqual([...Object.keys(files), 'lib64'].sort());
  });

  it('are about even, and as many as were asked for', () => {
    const files = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`lib/${at}.so`, 1_000]));
    const folder = split(files, 5);
    const sizes = [1, 2, 3, 4, 5].map((layer) =>
      entries(join(folder, 'layers', String(layer))).reduce((sum, path) => sum + lstatSync(path).size, 0),
    );

    for (const size of sizes) expect(Math.abs(size - 20_000)).toBeLessThanOrEqual(1_000);
  });

  it('that nothing falls into are there all the same', () => {
    const folder = split({ 'lib/all.so': 1_000 }, 3);

    expect(readdirSync(join(folder, 'layers')).sort()).toEqual(['1', '2', '3']);
  });
});

describe('a package of the registry', () => {
  /** A registry with one package, and what unpacking it does. */
  async function unpack(integrity?: string) {
    const folder = tempFolder();
    mkdirSync(join(folder, 'package', 'bin'), { recursive: true });
    writeFileSync(join(folder, 'package', 'bin', 'tool'), '#!/bin/sh\necho good\n', { mode: 0o755 });
    writeFileSync(join(folder, 'outside'), 'bad');
    execFileSync(
      'tar',
      ['-czPf', 'a.tgz', '--transform=s,^outside,package/../../outside,', 'package', 'outside'],
      {
        cwd: folder,
      },
    );
    const archive = readFileSync(join(folder, 'a.tgz'));
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url);
      response.end(archive);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const right = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
    const target = join(folder, 'out', 'deep');
    const args = [join(IMAGE, 'npm_package.py'), registry, 'tool', '1.2.3', integrity ?? right, target];
    const run = promisify(execFile)('python3', args);
    return { run, asked, folder, target };
  }

  it('is unpacked with its programs, and nothing outside its folder', async () => {
    const { run, asked, target, folder } = await unpack();
    await run;

    expect(asked).toEqual(['/tool/-/tool-1.2.3.tgz']);
    expect(execFileSync(join(target, 'bin', 'tool'), { encoding: 'utf8' })).toBe('good\n');
    expect(readdirSync(join(folder, 'out'))).toEqual(['deep']);
    expect(readdirSync(target)).toEqual(['bin']);
  });

  it('with another checksum is refused', async () => {
    const { run, folder } = await unpack('sha512-other');

    await expect(run).rejects.toMatchObject({ code: 1 });
    expect(readdirSync(folder)).not.toContain('out');
  });
});

it('the bundled worker runs without the packages beside it', () => {
  const folder = tempFolder();
  execFileSync(process.execPath, ['scripts/bundle-worker.ts', join(folder, 'dist')], { cwd: ROOT });
  writeFileSync(join(folder, 'package.json'), readFileSync(join(ROOT, 'package.json')));
  const bundle = join(folder, 'dist', 'worker.js');
  const deployment = { HPB_STAGE: 'test', HPB_JOBS_BUCKET: 'a', HPB_MODELS_BUCKET: 'b' };
  const env = {
    ...deployment,
    HPB_DATA_ROOT: join(folder, 'data'),
    AWS_REGION: 'us-east-1',
    HPB_DEVICE: 'cpu',
  };
  const { status, stdout } = spawnSync(process.execPath, [bundle, '--take', 'no job', '--attempt', '1'], {
    env,
    encoding: 'utf8',
  });

  expect(status).toBe(WORKER_EXIT.shardUnreadable);
  expect(JSON.parse(stdout)).toMatchObject({ event: 'worker:end', code: 'SHARD_UNREADABLE' });
});

it('the bundled worker has its threads beside it, and they load', () => {
  const folder = tempFolder();
  execFileSync(process.execPath, ['scripts/bundle-worker.ts', folder], { cwd: ROOT });
  const [, name = ''] = /"(\.\/compute-worker\.js)"/.exec(readFileSync(join(folder, 'worker.js'), 'utf8'))!;

  // Without a parent it has nothing to do, and ends.
  const { status, stderr } = spawnSync(process.execPath, [join(folder, name)], { encoding: 'utf8' });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
