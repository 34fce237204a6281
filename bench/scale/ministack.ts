import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { HpbError } from '../../core/errors.ts';
import { PACKAGE_ROOT } from '../warm-engine.ts';
import { emulatorClient } from './scale-store.ts';

const BUCKET = 'hpb-scale';
const TRIES = 300;

/** An emulator of S3 for a benchmark: its bucket as `storeOf` takes it, and how to end it. */
export interface Ministack {
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** Starts MiniStack in the environment that the tests have made, with its data in `folder`. */
export async function startMinistack(folder: string): Promise<Ministack> {
  const port = await freePort();
  const python = join(PACKAGE_ROOT, '.venv-emulators', 'bin', 'python');
  const launcher = join(PACKAGE_ROOT, 'test', 'emulators', 'emulator_process.py');
  const child = spawn(python, [launcher, 'ministack.app:main'], {
    cwd: folder,
    env: {
      PATH: '/usr/bin:/bin',
      HOME: folder,
      TMPDIR: folder,
      GATEWAY_PORT: String(port),
      BIND_HOST: '127.0.0.1',
      IOT_MTLS_ENABLED: '0',
      LOG_LEVEL: 'ERROR',
    },
    stdio: ['pipe', 'ignore', 'inherit'],
    // It ends its whole group with itself.
    detached: true,
  });
  const ended = once(child, 'exit');
  const endpoint = `http://127.0.0.1:${port}`;
  await healthy(`${endpoint}/_ministack/health`);
  await emulatorClient(endpoint).send(new CreateBucketCommand({ Bucket: BUCKET }));
  return {
    address: `s3+${endpoint}/${BUCKET}`,
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

async function healthy(url: string): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const answer = await fetch(url).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok === true) return;
    await sleep(200);
  }
  throw new HpbError('UNEXPECTED', 'The emulator of S3 does not answer.', {
    remedy: 'Run the tests once: they make its environment.',
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
