import { join } from 'node:path';
import { InstanceMetadata } from '../adapters/instance-metadata.ts';
import { acquireLease } from '../adapters/lease-lock.ts';
import { readCards, type CardReading } from '../adapters/nvidia-cards.ts';
import { systemClock } from '../adapters/system.ts';
import type { Engine } from '../core/engine-port.ts';
import { HpbError } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';
import { watchCard } from './card-watch.ts';
import { readyEngine } from './ready-engine.ts';
import { watchSpot } from './spot-watch.ts';
import type { WorkerMeter } from './worker-meter.ts';
import type { WorkerSignals } from './worker-signals.ts';

export interface MachineCareOptions {
  readonly engine: Engine;
  readonly meter: WorkerMeter;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** As the engine is started with: a card is asked for, and checked, only where it begins with `cuda`. */
  readonly device: string;
  /** A folder that all workers of the machine share. */
  readonly modelsRoot: string;
  /** How long another worker may still hold the card, ms. Default a minute: one that died counts as dead after half. */
  readonly cardWaitMs?: number;
}

/** Runs the work of a shard on a machine that was found fit for it. */
export type MachineCare = (signals: WorkerSignals, work: () => Promise<number>) => Promise<number>;

const CARD_WAIT_MS = 60_000;

/**
 * What a worker of a deployment does around a shard: its card is its own and computes right before a case is taken,
 * an interruption notice drains it, and what it used is counted.
 *
 * The care throws HpbError DEVICE_FAULT, or DEVICE_UNAVAILABLE (`details.elsewhere`: whether another machine may do).
 */
export function machineCare(options: MachineCareOptions): MachineCare {
  const { engine, meter, log, environment, device } = options;
  const onCard = device.startsWith('cuda');
  const cards = (): Promise<readonly CardReading[]> => readCards(environment);
  return async (signals, work) => {
    const spot = watchSpot({ ...spotOptions(environment), log, onNotice: (left) => signals.interrupt(left) });
    const release = onCard ? await ownCard(await cards(), options).catch(rethrowAfter(spot.stop)) : null;
    const use = onCard ? watchCard(cards) : null;
    try {
      await readyEngine(engine, log);
      meter.coldStart(process.uptime());
      return await work();
    } finally {
      spot.stop();
      const used = await use?.stop();
      if (used) meter.cardUsed(used);
      await release?.();
      await meter.flush();
    }
  };
}

function spotOptions(environment: MachineCareOptions['environment']): {
  readonly metadata: InstanceMetadata;
  readonly clock: typeof systemClock;
} {
  // The variable that the SDKs have for it.
  return {
    metadata: new InstanceMetadata(environment['AWS_EC2_METADATA_SERVICE_ENDPOINT']),
    clock: systemClock,
  };
}

/** Takes the card for this worker alone; null when the driver lists none, which the engine then says better. */
async function ownCard(
  [card]: readonly CardReading[],
  { modelsRoot, cardWaitMs = CARD_WAIT_MS }: MachineCareOptions,
): Promise<(() => Promise<void>) | null> {
  if (card === undefined) return null;
  const path = join(modelsRoot, 'locks', `${card.uuid}.lock`);
  const release = await acquireLease(path, { waitMs: cardWaitMs });
  if (release !== null) return release;
  throw new HpbError('DEVICE_UNAVAILABLE', 'Another worker uses the card that this one was given.', {
    remedy: 'Each job has a GPU of its own: look for a second container on this machine.',
    details: { elsewhere: true },
  });
}

function rethrowAfter(clean: () => void): (thrown: unknown) => never {
  return (thrown) => {
    clean();
    throw thrown;
  };
}
