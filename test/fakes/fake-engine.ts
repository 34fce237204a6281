import type { EngineCall, HelloResult, RunResult } from '../../core/engine-protocol.ts';
import { HpbError } from '../../core/errors.ts';
import type { Engine, EngineLimits, EngineRun, OpenedCt } from '../../core/engine-port.ts';
import { FAKE_HELLO, writePlausibleMask } from './plausible-mask.ts';

/** What a fake run does instead of, or after, writing a plausible mask. */
export type FakeRun = (request: EngineRun, plausible: () => Promise<RunResult>) => Promise<RunResult>;

/** An engine without a network: it writes plausible masks at once and remembers what it was asked. */
export class FakeEngine implements Engine {
  /** CTs opened, in order. */
  readonly opened: string[] = [];
  readonly calls: EngineCall[] = [];
  /** Networks asked for ahead, and how many CTs were opened by then. */
  readonly loads: { readonly call: EngineCall; readonly openedBefore: number }[] = [];
  stops = 0;
  openNow = 0;
  readonly #runs: FakeRun[];

  /** `runs`: what the first runs do, one each; later ones write plausible masks. */
  constructor(...runs: FakeRun[]) {
    this.#runs = runs;
  }

  async hello(): Promise<HelloResult> {
    return { ...FAKE_HELLO, versions: { ...FAKE_HELLO.versions }, pid: process.pid };
  }

  async load(call: EngineCall): Promise<void> {
    this.loads.push({ call, openedBefore: this.opened.length });
  }

  async open(path: string, { signal }: EngineLimits = {}): Promise<OpenedCt> {
    signal?.throwIfAborted();
    this.opened.push(path);
    this.openNow += 1;
    return {
      run: async (request) => {
        this.calls.push(request.call);
        for (const done of [0, 1, 2]) request.onProgress({ stage: 'predict', done, total: 2 });
        const plausible = (): Promise<RunResult> => writePlausibleMask(path, request.call, request.output);
        const run = this.#runs.shift();
        return run === undefined ? plausible() : run(request, plausible);
      },
      close: async () => {
        this.openNow -= 1;
      },
    };
  }

  async stop(): Promise<void> {
    this.stops += 1;
  }
}

/** A run that fails with this code. */
export function failing(code: HpbError['code']): FakeRun {
  return () => Promise.reject(new HpbError(code, `The fake engine failed (${code}).`, { remedy: 'None.' }));
}

/** A run that goes on until it is cancelled; `begun` is called when it is under way. */
export function hanging(begun: () => void): FakeRun {
  return ({ signal }) =>
    new Promise((_, reject) => {
      const cancelled = (): void =>
        reject(new HpbError('CANCELLED', 'The fake run was cancelled.', { remedy: 'None.' }));
      if (signal?.aborted) cancelled();
      signal?.addEventListener('abort', cancelled);
      begun();
    });
}
