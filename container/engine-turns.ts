import type { Engine } from '../core/engine-port.ts';
import { HpbError } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';
import { Turns, type Release } from './turns.ts';

/** The engine of a worker, which works on one case at a time, and what became of its device. */
export class EngineTurns {
  readonly #turns = new Turns(1);
  readonly #ports: { readonly engine: Pick<Engine, 'stop'>; readonly log: Log };
  #faults = 0;

  constructor(ports: { readonly engine: Pick<Engine, 'stop'>; readonly log: Log }) {
    this.#ports = ports;
  }

  take(): Promise<Release> {
    return this.#turns.take();
  }

  /** Whether the device failed twice: no case is given to it any more. */
  get lost(): boolean {
    return this.#faults > 1;
  }

  /**
   * Does the work of the case whose turn it is. The first fault of the device costs an engine, not the case: a new
   * process does the work again.
   */
  async use<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      if (!isOf(thrown, 'DEVICE_FAULT') || ++this.#faults > 1) throw thrown;
    }
    // A CUDA context is broken for good after a fault: a new process may find the device well.
    this.#ports.log.warn('engine:kill', { reason: 'DEVICE_FAULT' });
    await this.#ports.engine.stop();
    try {
      return await work();
    } catch (again) {
      // A card that has fallen off its bus is not even seen any more.
      if (isOf(again, 'DEVICE_FAULT') || isOf(again, 'DEVICE_UNAVAILABLE')) this.#faults += 1;
      throw again;
    }
  }
}

const isOf = (thrown: unknown, code: HpbError['code']): boolean =>
  thrown instanceof HpbError && thrown.code === code;
