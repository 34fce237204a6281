import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

const LAUNCHER = join(import.meta.dirname, 'emulator_process.py');

/** An emulator to be started. */
export interface EmulatorCommand {
  /** Of its folder and its log below `home`. */
  readonly name: string;
  /** `package.module:function`, and what it is told. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** What MiniStack is to be told wherever it runs: else it listens on every interface, and on a second port. */
export const ministackEnvironment = (port: number): Readonly<Record<string, string>> => ({
  GATEWAY_PORT: String(port),
  BIND_HOST: '127.0.0.1',
  IOT_MTLS_ENABLED: '0',
  LOG_LEVEL: 'WARNING',
});

/** Starts an emulator, which ends with this process, however that ends. */
export function startEmulator(python: string, home: string, told: EmulatorCommand): ChildProcess {
  const { name, command, environment } = told;
  const folder = join(home, name);
  mkdirSync(folder);
  const log = openSync(emulatorLog(home, name), 'w');
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

/** Where an emulator prints to. */
export const emulatorLog = (home: string, name: string): string => join(home, `${name}.log`);

/** Ends an emulator and what it has started. */
export async function stopEmulator(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.stdin?.end();
  await ended;
}

/** So many ports that are free now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map(async (server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(async (server) => once(server.close(), 'close')));
  return ports;
}
