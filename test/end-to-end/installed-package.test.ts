import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { smallCt } from '../container/worker-bench.ts';
import { fakeVenv } from '../fixtures/fake-host.ts';
import { ROOT } from '../fixtures/hpb-command.ts';
import { oldestNode } from '../fixtures/old-node.ts';

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const folder = mkdtempSync(join(tmpdir(), 'hpb-package-'));
const node = oldestNode();
const installed = join(folder, 'node_modules', 'hpb-segmentation');
const hpb = (...args: string[]): string =>
  execFileSync(node, [join(installed, 'cli', 'hpb.js'), ...args], {
    cwd: folder,
    env: {
      ...process.env,
      HPB_DATA_ROOT: join(folder, 'data'),
      HPB_VENV: join(folder, 'venv'),
      HPB_WEIGHTS: 'demo',
    },
  }).toString();
const npm = (cwd: string, ...args: string[]): void =>
  void execFileSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });

beforeAll(() => {
  // Networks are tested elsewhere: here the engine is played.
  fakeVenv(folder, 'ok');
  // Packing bundles: in a copy, so that what the checkout holds stays as it is.
  const copy = join(folder, 'checkout');
  for (const part of [
    'package.json',
    'core',
    'adapters',
    'container',
    'local',
    'cli',
    'scripts',
    'docs',
    'web',
  ])
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  npm(copy, 'pack', '--silent', '--pack-destination', folder);
  npm(folder, 'init', '--yes', '--silent');
  const tarball = join(folder, `hpb-segmentation-${version}.tgz`);
  npm(folder, 'install', '--silent', '--no-audit', '--no-fund', '--prefer-offline', tarball);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the packed tarball, installed elsewhere, on the machine's oldest Node", () => {
  it('has a command of its own', () => {
    expect(existsSync(join(folder, 'node_modules', '.bin', 'hpb'))).toBe(true);
  });

  it('tells its version', () => {
    expect(hpb('--version').trim()).toBe(version);
  });

  it('brings the engine host, its pins and the demo weights', () => {
    const engine = join(installed, 'container', 'engine');

    for (const name of ['host.py', 'requirements.lock', 'demo-weights/manifest.json'])
      expect(existsSync(join(engine, name)), name).toBe(true);
  });

  it('brings the page', () => {
    expect(existsSync(join(installed, 'dist', 'web', 'index.html'))).toBe(true);
  });

  it('makes a phantom and finds it fit to run', () => {
    hpb('phantom', '--out', 'demo', '--seed', '5');

    expect(hpb('check', 'demo/phantom.nii.gz')).toContain('fit to run');
  });

  it('takes a CT through all stages but the networks', async () => {
    await writeNifti(join(folder, 'scan.nii.gz'), smallCt());

    expect(hpb('segment', 'scan.nii.gz')).toContain('DEMO WEIGHTS');
    expect(existsSync(join(folder, 'hpb-results', 'scan', 'metadata.json'))).toBe(true);
  });

  it('serves, or says which Node it needs', () => {
    const major = Number(execFileSync(node, ['-p', 'process.versions.node']).toString().split('.')[0]);
    const serve = spawnSync(node, [join(installed, 'cli', 'hpb.js'), 'serve'], {
      env: { ...process.env, HPB_DATA_ROOT: join(folder, 'data'), HPB_PORT: '0' },
      timeout: major < 22 ? 60_000 : 5_000,
    });

    if (major < 22)
      expect([serve.status, serve.stderr.toString()]).toEqual([16, expect.stringContaining('Node 22')]);
    else expect(serve.stdout.toString()).toContain('"event":"service:start"');
  });

  it('lists the demo weights as what it would use', () => {
    expect(hpb('models', 'list')).toMatch(/demo/i);
  });
});
