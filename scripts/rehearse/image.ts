import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../adapters/run-process.ts';
import { attempt, rehearsalError, run } from './shell.ts';

const PACKAGES = 'buildah podman runc conmon netavark aardvark-dns iptables slirp4netns debootstrap';
const BASE = 'localhost/hpb-base:bookworm';

/** Name of the image that is rehearsed. */
export const IMAGE = 'localhost/hpb-worker:rehearsal';

/** Installs what builds and runs containers where it is not there. */
export async function ensureContainerTools(environment: Environment): Promise<string> {
  const missing: string[] = [];
  for (const name of PACKAGES.split(' '))
    if ((await attempt('dpkg', ['-s', name], environment)).exitCode !== 0) missing.push(name);
  if (missing.length > 0) {
    await run('apt-get', ['update'], environment);
    const quiet = { ...environment, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['install', '-y', '--no-install-recommends', ...missing], quiet);
  }
  return `${await run('podman', ['--version'], environment)}, ${await run('buildah', ['--version'], environment)}`;
}

/**
 * The base image, which stands in for `debian:bookworm-slim`: no registry is asked. Made once with debootstrap from the
 * package source of this machine.
 */
export async function ensureBase(folder: string, environment: Environment): Promise<string> {
  if ((await attempt('buildah', ['inspect', '--type', 'image', BASE], environment)).exitCode === 0)
    return 'was there from an earlier rehearsal';
  const rootfs = join(folder, 'rootfs');
  const include = '--include=ca-certificates,python3,python3-venv';
  const mirror = await debianMirror(environment);
  await run('debootstrap', ['--variant=minbase', include, 'bookworm', rootfs, mirror], environment);
  const container = await run('buildah', ['from', 'scratch'], environment);
  const mount = await run('buildah', ['mount', container], environment);
  await run('cp', ['-a', `${rootfs}/.`, mount], environment);
  await run('buildah', ['umount', container], environment);
  await run('buildah', ['commit', '-q', container, BASE], environment);
  await run('buildah', ['rm', container], environment);
  return 'made by debootstrap';
}

/** Builds container/Dockerfile. Packages come from where this machine gets its own; nothing of that is written down. */
export async function buildImage(root: string, environment: Environment): Promise<string> {
  const volumes = [...(await packageConfiguration(environment))].flatMap(([from, to]) => [
    '--volume',
    `${from}:${to}:ro`,
  ]);
  const registry = environment['npm_config_registry'];
  const builtBy = Object.entries({
    BASE_IMAGE: BASE,
    TORCH_INDEX: environment['HPB_REHEARSAL_TORCH_INDEX'] ?? '',
    ...(registry !== undefined && { NPM_REGISTRY: registry }),
    VERSION: environment['npm_package_version'] ?? '0',
    REVISION: (await attempt('git', ['-C', root, 'rev-parse', 'HEAD'], environment)).stdout.trim(),
  }).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  const file = join(root, 'container', 'Dockerfile');
  const options = ['--isolation', 'chroot', '--layers', ...builtBy, ...volumes, '-t', IMAGE, '-f', file];
  await run('buildah', ['bud', ...options, root], environment);
  return run('podman', ['image', 'inspect', '--format', '{{.Id}}', IMAGE], environment);
}

/** Layers of the image, the latest first: what made it, and its size. */
export async function imageLayers(environment: Environment): Promise<readonly (readonly string[])[]> {
  const format = '{{.Size}}\t{{.CreatedBy}}';
  const text = await run('podman', ['history', '--no-trunc', '--format', format, IMAGE], environment);
  return text
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([size]) => size !== undefined && !/^\d+(\.\d+)? ?(B|kB)$/.test(size.trim()))
    .map(([size, by]) => [size!.trim(), (by ?? '').replace(/^\/bin\/sh -c (#\(nop\) )?/, '').slice(0, 70)]);
}

async function debianMirror(environment: Environment): Promise<string> {
  const targets = await run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(RELEASE)'], environment);
  const [mirror] = targets
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, release]) => release === 'bookworm')
    .map(([uri]) => uri!);
  if (mirror !== undefined) return mirror;
  throw rehearsalError('This machine has no package source of Debian 12.', 'Rehearse on Debian 12.');
}

/** Files and folders that tell pip and TLS where to go on this machine, with their place in the build. */
async function packageConfiguration(environment: Environment): Promise<ReadonlyMap<string, string>> {
  const home = homedir();
  const places = new Map([
    ['/etc/ssl/certs', '/etc/ssl/certs'],
    ['/etc/pip.conf', '/etc/pip.conf'],
    ['/etc/xdg/pip', '/etc/xdg/pip'],
    [join(home, '.config', 'pip'), '/root/.config/pip'],
    [join(home, '.pip'), '/root/.pip'],
  ]);
  // Indexes and wheels that lie on this machine's disk.
  const { stdout } = await attempt('python3', ['-m', 'pip', 'config', 'list'], environment);
  for (const word of stdout.split(/[\s'"=]+/)) {
    // An index names files beside it.
    const path = word.startsWith('file://') ? dirname(fileURLToPath(word)) : word;
    if (path.startsWith('/') && path !== '/') places.set(path, path);
  }
  return new Map([...places].filter(([from]) => existsSync(from)));
}
