import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import {
  emulatorLog,
  freePorts,
  ministackEnvironment,
  startEmulator,
  stopEmulator,
} from './emulators/emulator-process.ts';
import { emulatorPython } from './emulators/environment.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

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
  const [ministackPort = 0, motoPort = 0] = await freePorts(2);
  const processes = [
    startEmulator(python, home, {
      name: 'ministack',
      command: ['ministack.app:main'],
      environment: ministackEnvironment(ministackPort),
    }),
    startEmulator(python, home, {
      name: 'moto',
      command: ['moto.server:main', '-H', '127.0.0.1', '-p', String(motoPort)],
      environment: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    }),
  ];
  const address = (name: string, port: number): EmulatorAddress => ({
    endpoint: `http://127.0.0.1:${port}`,
    log: emulatorLog(home, name),
  });
  project.provide('ministack', address('ministack', ministackPort));
  project.provide('moto', address('moto', motoPort));
  return async () => {
    await Promise.all(processes.map(stopEmulator));
    rmSync(home, { recursive: true, force: true });
  };
}
