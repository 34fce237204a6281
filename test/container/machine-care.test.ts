import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EngineHost } from '../../adapters/engine-host.ts';
import { acquireLease } from '../../adapters/lease-lock.ts';
import { systemClock } from '../../adapters/system.ts';
import { machineCare } from '../../container/machine-care.ts';
import { WorkerMeter } from '../../container/worker-meter.ts';
import { WorkerSignals } from '../../container/worker-signals.ts';
import type { MetricSample } from '../../core/metrics.ts';
import { fakeHost } from '../fixtures/fake-host.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { metadataService } from '../fixtures/metadata-service.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const CARD = 'GPU-6c1d0a52-0000-4000-8000-000000000001';
const BIN = join(import.meta.dirname, '../fixtures/bin/busy-card');

/** A machine with one card, whose engine behaves as told. */
async function machine(behaviour: string, device = 'cuda') {
  const service = await metadataService();
  const log = memoryLog();
  const put: MetricSample[] = [];
  const metrics = { put: async (samples: readonly MetricSample[]) => void put.push(...samples) };
  const host = fakeHost(behaviour);
  const engine = new EngineHost({ host, log, clock: systemClock, oomKills: async () => null });
  onTestFinished(async () => engine.stop());
  const modelsRoot = tempFolder();
  const care = machineCare({
    engine,
    meter: new WorkerMeter({ metrics, machine: 'g4dn.xlarge' }),
    log,
    environment: { PATH: `${BIN}:/usr/bin:/bin`, AWS_EC2_METADATA_SERVICE_ENDPOINT: service.endpoint },
    device,
    modelsRoot,
    cardWaitMs: 100,
  });
  const signals = new WorkerSignals();
  onTestFinished(() => signals.close());
  const locks = join(modelsRoot, 'locks');
  return { care, signals, service, log, put, locks };
}

describe('before a shard', () => {
  it('the engine is started, the card is taken, and both are counted', async () => {
    const { care, signals, put, locks, log } = await machine('ok');
    const during: string[] = [];
    const exitCode = await care(signals, async () => {
      during.push(...readdirSync(locks), ...log.events());
      return 7;
    });

    expect(exitCode).toBe(7);
    expect(during).toEqual(expect.arrayContaining([`${CARD}.lock`, 'engine:ready']));
    expect(readdirSync(locks)).toEqual([]);
    expect(put.map(({ name }) => name)).toContain('ColdStartSeconds');
  });

  it('a card that another worker uses is left to it', async () => {
    const { care, signals, locks } = await machine('ok');
    const release = await acquireLease(join(locks, `${CARD}.lock`));
    onTestFinished(async () => release!());

    await expect(care(signals, async () => 0)).rejects.toMatchObject({
      code: 'DEVICE_UNAVAILABLE',
      details: { elsewhere: true },
    });
  });

  it.each([
    ['sick-gpu', { code: 'DEVICE_FAULT' }],
    ['no-gpu', { code: 'DEVICE_UNAVAILABLE', details: { elsewhere: true } }],
    ['old-torch', { code: 'DEVICE_UNAVAILABLE', details: { elsewhere: false } }],
    ['unready', { code: 'ENGINE_START_FAILED' }],
  ])('no case is taken with %s', async (behaviour, error) => {
    const { care, signals, locks } = await machine(behaviour);
    let taken = false;

    await expect(
      care(signals, async () => {
        taken = true;
        return 0;
      }),
    ).rejects.toMatchObject(error);
    expect(taken).toBe(false);
    expect(readdirSync(locks)).toEqual([]);
  });

  it('a card that fails once is tried by a new engine', async () => {
    const mark = join(tempFolder(), 'once');
    const { care, signals, log } = await machine(`once:${mark}:sick-gpu`);

    expect(await care(signals, async () => 0)).toBe(0);
    expect(log.events().filter((event) => event === 'engine:start')).toHaveLength(2);
  });

  it('nothing is asked of a card where none is to be used', async () => {
    const { care, signals, locks } = await machine('ok', 'cpu');
    writeFileSync(locks, 'a file: no lock could be made here');

    expect(await care(signals, async () => 0)).toBe(0);
  });
});

describe('while a shard runs', () => {
  it('an interruption notice drains it, and ends what is not over in time', async () => {
    const { care, signals, service } = await machine('ok');
    service.interrupt(Date.now() + 16_000);
    const drained = await care(signals, async () => {
      while (!signals.cancel.aborted) await sleep(10);
      return signals.drain.aborted ? 75 : 0;
    });

    expect(drained).toBe(75);
  });
});
