import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../fixtures/hpb-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'hpb-package-'));
const hpb = (...args: string[]): string =>
  execFileSync(join(folder, 'node_modules', '.bin', 'hpb'), args, {
    cwd: folder,
    env: { ...process.env, HPB_DATA_ROOT: join(folder, 'data') },
  }).toString();

beforeAll(() => {
  execFileSync('npm', ['pack', '--pack-destination', folder], { cwd: ROOT, stdio: 'ignore' });
  execFileSync('npm', ['init', '--yes'], { cwd: folder, stdio: 'ignore' });
  const version = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string })
    .version;
  execFileSync(
    'npm',
    ['install', '--no-audit', '--no-fund', join(folder, `hpb-segmentation-${version}.tgz`)],
    {
      cwd: folder,
      stdio: 'ignore',
    },
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the packed tarball, installed elsewhere', () => {
  it('tells its version', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

    expect(hpb('--version').trim()).toBe(version);
  });

  it('brings the engine host, its pins and the demo weights', () => {
    const engine = join(folder, 'node_modules', 'hpb-segmentation', 'container', 'engine');

    for (const name of ['host.py', 'requirements.lock', 'demo-weights/manifest.json'])
      expect(existsSync(join(engine, name)), name).toBe(true);
  });

  it('makes a phantom and finds it fit to run', () => {
    hpb('phantom', '--out', 'demo', '--seed', '5');

    expect(hpb('check', 'demo/phantom.nii.gz')).toContain('fit to run');
  });

  it('lists the demo weights as what it would use', () => {
    expect(hpb('models', 'list')).toMatch(/demo/i);
  });
});
