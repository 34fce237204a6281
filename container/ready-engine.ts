import type { Engine } from '../core/engine-port.ts';
import type { HelloResult } from '../core/engine-protocol.ts';
import { HpbError } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';

/**
 * Starts the engine, which tries its device, before any case is taken. A device that fails is tried once more by a new
 * process.
 *
 * @throws HpbError DEVICE_FAULT when it fails twice; DEVICE_UNAVAILABLE when torch cannot use it, with
 * `details.elsewhere`: false when the image has no code for such a card; whatever else keeps the engine from starting.
 */
export async function readyEngine(engine: Engine, log: Log): Promise<HelloResult> {
  try {
    return await engine.hello();
  } catch (thrown) {
    if (!isOf('DEVICE_FAULT', thrown)) throw placed(thrown);
    log.warn('engine:kill', { reason: 'DEVICE_FAULT' });
    await engine.stop();
    return engine.hello().catch((again: unknown) => {
      throw placed(again);
    });
  }
}

/** Says of a card that cannot be used whether that is a matter of this machine. */
function placed(thrown: unknown): unknown {
  if (!isOf('DEVICE_UNAVAILABLE', thrown)) return thrown;
  const { message, remedy, details } = thrown;
  const elsewhere = details['reason'] !== 'architecture';
  return new HpbError('DEVICE_UNAVAILABLE', message, {
    remedy,
    details: { ...details, elsewhere },
    cause: thrown,
  });
}

const isOf = (code: HpbError['code'], thrown: unknown): thrown is HpbError =>
  thrown instanceof HpbError && thrown.code === code;
