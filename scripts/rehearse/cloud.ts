import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../../adapters/run-process.ts';
import { emulatorPython } from '../../test/emulators/environment.ts';
import { companion, rehearsalError, type Companion } from './shell.ts';

/** The emulated cloud, and what containers need to run on this machine. */
export interface Cloud {
  /** S3 and CloudWatch: MiniStack. */
  readonly ministack: string;
  /** Batch and its logs: moto. */
  readonly moto: string;
  readonly stop: () => Promise<void>;
}

const PATIENCE_MS = 60_000;

/** How podman runs containers where no systemd is: a file, whose path goes into CONTAINERS_CONF. */
export function containersConf(root: string, folder: string): string {
  const path = join(folder, 'containers.conf');
  const runtime = join(root, 'scripts', 'rehearse', 'read_only_runc.py');
  writeFileSync(
    path,
    [
      '[containers]',
      'default_ulimits=["nofile=1024:1024","nproc=4096:4096"]',
      'netns="host"',
      '[engine]',
      'runtime="readonly"',
      'cgroup_manager="cgroupfs"',
      '[engine.runtimes]',
      `readonly=["${runtime}"]`,
      '',
    ].join('\n'),
  );
  return path;
}

/** Starts MiniStack, podman's service and moto, which runs Batch jobs through it; waits until they answer. */
export async function startCloud(root: string, folder: string, environment: Environment): Promise<Cloud> {
  const python = await emulatorPython(root, environment);
  const launcher = join(root, 'test', 'emulators', 'emulator_process.py');
  const [ministackPort, motoPort] = await freePorts();
  const socket = `unix://${join(folder, 'podman.sock')}`;
  const start = (name: string, args: readonly string[], variables: Environment): Companion => {
    const home = join(folder, name);
    mkdirSync(home);
    const own = {
      PATH: `${dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`,
      HOME: home,
      TMPDIR: home,
    };
    return companion(python, [launcher, ...args], {
      environment: { ...own, ...variables },
      log: join(folder, `${name}.log`),
    });
  };
  const companions = [
    start('ministack', ['ministack.app:main'], {
      GATEWAY_PORT: String(ministackPort),
      BIND_HOST: '127.0.0.1',
      IOT_MTLS_ENABLED: '0',
      LOG_LEVEL: 'WARNING',
    }),
    companion('podman', ['system', 'service', '--time=0', socket], {
      environment,
      log: join(folder, 'podman.log'),
    }),
    start('moto', ['moto.server:main', '-H', '127.0.0.1', '-p', String(motoPort)], {
      DOCKER_HOST: socket,
      MOTO_DOCKER_NETWORK_MODE: 'host',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    }),
  ];
  const cloud: Cloud = {
    ministack: `http://127.0.0.1:${ministackPort}`,
    moto: `http://127.0.0.1:${motoPort}`,
    stop: async () => void (await Promise.all(companions.map((one) => one.stop()))),
  };
  try {
    await answering(`${cloud.ministack}/_ministack/health`);
    await answering(`${cloud.moto}/moto-api/`);
  } catch (error) {
    await cloud.stop();
    throw error;
  }
  return cloud;
}

async function answering(url: string): Promise<void> {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await sleep(200)) {
    const answer = await fetch(url).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok === true) return;
  }
  throw rehearsalError(`${url} does not answer.`, 'See the logs in the folder of the rehearsal (--keep).');
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const;
  await Promise.all(servers.map(async (server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(async (server) => once(server.close(), 'close')));
  return [ports[0]!, ports[1]!];
}
