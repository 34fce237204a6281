import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { InstanceMetadata } from '../../adapters/instance-metadata.ts';
import { watchSpot } from '../../container/spot-watch.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { metadataService } from '../fixtures/metadata-service.ts';

const NOW = Date.parse('2026-11-25T10:00:00Z');

function watching(endpoint: string) {
  const log = memoryLog();
  const notices: number[] = [];
  const clock = { now: () => NOW };
  const metadata = new InstanceMetadata(endpoint);
  const watch = watchSpot({ metadata, clock, log, onNotice: (left) => notices.push(left), everyMs: 10 });
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await sleep(5);
  };
  return { log, notices, watch, until };
}

it('the notice comes once, with the time that is left less what ending takes', async () => {
  const service = await metadataService();
  const { notices, until, log } = watching(service.endpoint);
  await until(() => service.asked.length > 3);
  expect(notices).toEqual([]);

  service.interrupt(NOW + 120_000);
  await until(() => notices.length > 0);
  const asked = service.asked.length;
  await sleep(50);

  expect(notices).toEqual([105]);
  expect(service.asked).toHaveLength(asked);
  expect(log.events()).toEqual(['worker:spot-notice']);
});

it('a machine that goes now has no time left', async () => {
  const service = await metadataService();
  service.interrupt(NOW + 5_000);
  const { notices, until } = watching(service.endpoint);
  await until(() => notices.length > 0);

  expect(notices).toEqual([0]);
});

it('a service that fails for a while is asked again', async () => {
  const service = await metadataService();
  service.answer(500, '');
  const { notices, until } = watching(service.endpoint);
  await until(() => service.asked.length > 2);
  service.interrupt(NOW + 60_000);
  await until(() => notices.length > 0);

  expect(notices).toEqual([45]);
});

it('a service that has answered once is asked for ever, however long it fails', async () => {
  const service = await metadataService();
  const { notices, until, log } = watching(service.endpoint);
  await until(() => service.asked.length > 3);
  service.answer(500, '');
  const before = service.asked.length;
  await until(() => service.asked.length > before + 10);
  service.interrupt(NOW + 60_000);
  await until(() => notices.length > 0);

  expect(notices).toEqual([45]);
  expect(log.events()).toEqual(['worker:spot-notice']);
});

it('a machine without the service is let alone, which is said once', async () => {
  const { log, until } = watching('http://127.0.0.1:9');
  await until(() => log.events().length > 0);
  await sleep(50);

  expect(log.events()).toEqual(['worker:no-metadata']);
});

it('nothing is asked any more once it is stopped', async () => {
  const service = await metadataService();
  const { watch, until } = watching(service.endpoint);
  await until(() => service.asked.length > 2);
  watch.stop();
  await sleep(30);
  const asked = service.asked.length;
  await sleep(50);

  expect(service.asked).toHaveLength(asked);
});
