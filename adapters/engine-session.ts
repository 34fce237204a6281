import { engineReply, type EngineReply, type EngineRequest } from '../core/engine-protocol.ts';
import type { HpbError } from '../core/errors.ts';
import type { EngineLimits, EngineProgress } from '../core/engine-port.ts';
import type { Log } from '../core/ports.ts';
import { cancelledError, exitError, hostError, protocolError, timeoutError } from './engine-errors.ts';
import { HostProcess, type HostCommand, type HostExit } from './host-process.ts';

/** Grace times, ms. */
export interface EngineGrace {
  /** From a cancel to the kill. */
  readonly cancelMs: number;
  /** From the cancel after a timeout to the kill. */
  readonly timeoutMs: number;
  /** From the request to end to the kill. */
  readonly stopMs: number;
}

/** What a session needs. */
export interface SessionOptions {
  readonly host: HostCommand;
  readonly grace: EngineGrace;
  readonly log: Log;
  /** Processes of our memory group that the system killed so far; null where that is not known. */
  readonly oomKills: () => Promise<number | null>;
}

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
/** A request before it has its id. */
export type RequestBody = WithoutId<EngineRequest>;

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: HpbError) => void;
  readonly onProgress: (progress: EngineProgress) => void;
}

/** One life of the engine host: requests with their answers, limits, and its end. */
export class EngineSession {
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;
  readonly #options: SessionOptions;
  readonly #process: HostProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #oomKillsBefore: Promise<number | null>;
  #lastId = 0;
  /** Whether the host has answered anything. */
  #ready = false;
  /** Why nothing can be asked any more. */
  #failure: HpbError | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#oomKillsBefore = options.oomKills();
    this.#process = new HostProcess(options.host, {
      onLine: (line) => this.#receive(line),
      onErrorLine: (line) => options.log.debug('engine:output', { line: line.slice(0, 1000) }),
      onEndlessLine: (start) => this.#fail(protocolError('it has no end', start)),
    });
    options.log.info('engine:start', { pid: this.#process.pid });
    this.ended = this.#process.exited.then((exit) => this.#onExit(exit));
  }

  /** Whether requests can be made. */
  get alive(): boolean {
    return this.#failure === null;
  }

  /**
   * Sends a request and waits for its `done`; the result is not validated.
   *
   * @throws HpbError the host's own error, `CANCELLED`, `ENGINE_TIMEOUT`, or what ended the host.
   */
  async request(
    body: RequestBody,
    limits: EngineLimits = {},
    onProgress: Pending['onProgress'] = () => undefined,
  ): Promise<unknown> {
    if (limits.signal?.aborted) throw cancelledError();
    if (this.#failure !== null) throw this.#failure;
    const id = ++this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onProgress });
    });
    const interruption = this.#interruptions(id, limits);
    this.#send({ ...body, id });
    try {
      const result = await answer;
      // An answer that came while the cancel was under way: the caller has been told that it is cancelled.
      if (interruption.error !== null) throw interruption.error;
      return result;
    } catch (error) {
      throw interruption.error ?? error;
    } finally {
      interruption.dispose();
    }
  }

  /** Ends the host at once, children included; what is in flight fails with `error`. */
  async kill(error: HpbError): Promise<void> {
    this.#fail(error);
    await this.ended;
  }

  /** Asks the host to end and waits; kills it when it is busy or does not obey. */
  async stop(): Promise<void> {
    if (this.#pending.size > 0) return this.kill(cancelledError());
    this.#failure ??= cancelledError();
    this.#send({ op: 'shutdown', id: ++this.#lastId });
    this.#process.endInput();
    const timer = setTimeout(() => void this.#process.kill(), this.#options.grace.stopMs);
    await this.ended;
    clearTimeout(timer);
  }

  #send(request: EngineRequest): void {
    this.#process.send(JSON.stringify(request));
  }

  /** Watches the limits of a request: tells the host to cancel it, and kills the host when it does not. */
  #interruptions(
    id: number,
    { timeoutSeconds, signal }: EngineLimits,
  ): {
    error: HpbError | null;
    readonly dispose: () => void;
  } {
    const timers: NodeJS.Timeout[] = [];
    const interrupt = (error: HpbError, graceMs: number): void => {
      if (state.error !== null) return;
      state.error = error;
      this.#send({ op: 'cancel', id: ++this.#lastId, target: id });
      timers.push(setTimeout(() => this.#fail(error), graceMs));
    };
    const { cancelMs, timeoutMs } = this.#options.grace;
    const onAbort = (): void => interrupt(cancelledError(), cancelMs);
    const state = {
      error: null as HpbError | null,
      dispose: (): void => {
        timers.forEach(clearTimeout);
        signal?.removeEventListener('abort', onAbort);
      },
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (timeoutSeconds !== undefined) {
      const onTimeout = (): void => interrupt(timeoutError(timeoutSeconds), timeoutMs);
      timers.push(setTimeout(onTimeout, timeoutSeconds * 1000));
    }
    return state;
  }

  #receive(line: string): void {
    if (this.#failure !== null) return;
    const reply = parseReply(line);
    if (typeof reply === 'string') return this.#fail(protocolError(reply, line));
    // The host could not read one of our lines, and it cannot say which.
    if (reply.event === 'error' && reply.id === null) return this.#fail(hostError(reply));
    const id = reply.id!;
    if (id > this.#lastId) return this.#fail(protocolError('it answers no request of ours', line));
    this.#ready = true;
    // Without an entry: the answer to a cancel, or to a request that has ended meanwhile.
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (reply.event === 'progress') {
      const { stage, done, total } = reply;
      return pending.onProgress({ stage, done, total });
    }
    this.#pending.delete(id);
    if (reply.event === 'done') pending.resolve(reply.result);
    else pending.reject(hostError(reply));
  }

  /** Nothing more can be asked: kills the host; requests are rejected when it is gone. */
  #fail(error: HpbError): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#options.log.warn('engine:kill', { reason: error.code, pid: this.#process.pid });
    void this.#process.kill();
  }

  async #onExit(exit: HostExit): Promise<void> {
    const expected = this.#failure;
    const oom = expected === null && exit.signal === 'SIGKILL' && (await this.#oomKillsRose());
    this.#failure = expected ?? exitError(exit, { ready: this.#ready, oom });
    this.#options.log.info('engine:exit', {
      exitCode: exit.code,
      signal: exit.signal,
      pid: this.#process.pid,
    });
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
  }

  async #oomKillsRose(): Promise<boolean> {
    const before = await this.#oomKillsBefore;
    const now = await this.#options.oomKills();
    return before !== null && now !== null && now > before;
  }
}

/** The reply, or why the line is none. */
function parseReply(line: string): EngineReply | string {
  let document: unknown;
  try {
    document = JSON.parse(line);
  } catch {
    return 'it is not JSON';
  }
  const parsed = engineReply.safeParse(document);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  return `${issue.path.join('.') || 'it'}: ${issue.message}`;
}
