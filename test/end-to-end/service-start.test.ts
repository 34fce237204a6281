import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { RunningService } from '../fixtures/running-service.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

/** Enough that their removal takes longer than a look. */
const LEFT = 4000;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

it('the service takes no upload before it has removed what an earlier one was writing, or it would take that along', async () => {
  const folder = tempFolder();
  const partial = join(folder, 'objects', '.partial');
  mkdirSync(partial, { recursive: true });
  for (let at = 0; at < LEFT; at++) writeFileSync(join(partial, String(at)), '');
  const port = await freePort();
  const service = new RunningService('ok', folder, { HPB_PORT: String(port) });
  onTestFinished(async () => void (await service.stop('SIGKILL')));

  let left: number | null = null;
  while (left === null) {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => null);
    if (answer?.ok === true) left = readdirSync(partial).length;
    else await sleep(2);
  }

  expect(left).toBe(0);
});
