import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { emulatorPython } from './emulators/environment.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LAUNCHER = join(ROOT, 'test/emulators/emulator_process.py');

/** Where an emulator is to be found once it is up; `test/fixtures/emulators.ts` waits for that. */
export interface EmulatorAddress {
  readonly endpoint: string;
  /** What it prints. */
  readonly log: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    ministack: EmulatorAddress;
    moto: EmulatorAddress;
  }
}

/** Before any test: starts the emulators of AWS without waiting for them. They end with this run, however it ends. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const python = await emulatorPython(ROOT, process.env);
  const home = mkdtempSync(join(tmpdir(), 'hpb-emulators-'));
  const [ministackPort, motoPort] = await freePorts();
  const processes = [
    start(python, home, {
      name: 'ministack',
      command: ['ministack.app:main'],
      environment: {
        GATEWAY_PORT: String(ministackPort),
        // Else it listens on every interface, and on a second port.
        BIND_HOST: '127.0.0.1',
        IOT_MTLS_ENABLED: '0',
        LOG_LEVEL: 'WARNING',
      },
    }),
    start(python, home, {
      name: 'moto',
      command: ['moto.server:main', '-H', '127.0.0.1', '-p', String(motoPort)],
      environment: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    }),
  ];
  const address = (name: string, port: number): EmulatorAddress => ({
    endpoint: `http://127.0.0.1:${port}`,
    log: logOf(home, name),
  });
  project.provide('ministack', address('ministack', ministackPort));
  project.provide('moto', address('moto', motoPort));
  return async () => {
    await Promise.all(processes.map(stop));
    rmSync(home, { recursive: true, force: true });
  };
}

interface Emulator {
  readonly name: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

function start(python: string, home: string, { name, command, environment }: Emulator): ChildProcess {
  const folder = join(home, name);
  mkdirSync(folder);
  const log = openSync(logOf(home, name), 'w');
  const child = spawn(python, [LAUNCHER, ...command], {
    // Nothing of ours: the emulators pass their environment on to the Lambdas that they run, with this Node.
    env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, HOME: folder, TMPDIR: folder, ...environment },
    cwd: folder,
    stdio: ['pipe', log, log],
    detached: true,
  });
  closeSync(log);
  child.once('error', (error) =>
    console.error(`The emulator ${name} could not be started: ${error.message}`),
  );
  return child;
}

const logOf = (home: string, name: string): string => join(home, `${name}.log`);

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.stdin?.end();
  await ended;
}

/** Two ports that are free now. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const;
  await Promise.all(servers.map(async (server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(async (server) => once(server.close(), 'close')));
  return [ports[0]!, ports[1]!];
}
