import type { z } from 'zod';
import {
  helloResult,
  openResult,
  runResult,
  type EngineCall,
  type HelloResult,
} from '../core/engine-protocol.ts';
import { HpbError } from '../core/errors.ts';
import type { Engine, EngineLimits, OpenedCt } from '../core/engine-port.ts';
import type { Clock, Log } from '../core/ports.ts';
import { protocolError } from './engine-errors.ts';
import { EngineSession, type EngineGrace, type RequestBody } from './engine-session.ts';
import type { HostCommand } from './host-process.ts';

/** How the engine host is started and how long it may take to obey. */
export interface EngineHostOptions {
  readonly host: HostCommand;
  readonly log: Log;
  readonly clock: Clock;
  /** Processes of our memory group that the system killed so far; null where that is not known. */
  readonly oomKills: () => Promise<number | null>;
  /** Longest time from the start of the process to its greeting, s. */
  readonly startSeconds?: number;
  readonly grace?: EngineGrace;
  /** After so many opened CTs the process is replaced, as soon as none of them is open. Default: never. */
  readonly recycleCases?: number;
}

/** Importing the engines takes 6 s on a warm disk, a minute or two from a cold network volume. */
const START_SECONDS = 300;
/** Together with the end of the process within the 5 s that Ctrl-C may take. */
const GRACE: EngineGrace = { cancelMs: 2000, timeoutMs: 3000, stopMs: 2000 };
const CLOSE_SECONDS = 10;

/** The engine as a child process that speaks core/engine-protocol.ts: container/engine/host.py. */
export class EngineHost implements Engine {
  readonly #options: EngineHostOptions;
  #session: EngineSession | null = null;
  #greeting: Promise<HelloResult> | null = null;
  /** CTs that this process has opened, and those that are open now. */
  #opened = { ever: 0, now: 0 };

  constructor(options: EngineHostOptions) {
    this.#options = options;
  }

  async hello(): Promise<HelloResult> {
    await this.#running({});
    return this.#greeting!;
  }

  async load(call: EngineCall): Promise<void> {
    await this.#running({})
      .then((session) => session.request({ op: 'load', call }))
      .catch(() => undefined);
  }

  async open(path: string, limits: EngineLimits = {}): Promise<OpenedCt> {
    await this.#recycle();
    const wasWarm = this.#session?.alive === true;
    try {
      return await this.#open(path, limits);
    } catch (thrown) {
      if (!wasWarm || !(thrown instanceof HpbError) || thrown.code !== 'ENGINE_DIED') throw thrown;
      // It had died without work, and we have only heard of it now: no fault of this CT.
      return this.#open(path, limits);
    }
  }

  async #open(path: string, limits: EngineLimits): Promise<OpenedCt> {
    const session = await this.#running(limits);
    const { handle } = await this.#checked(session, openResult, { op: 'open', ct: path }, { limits });
    const opened = this.#opened;
    opened.ever += 1;
    opened.now += 1;
    return {
      run: ({ call, output, onProgress, ...limits }) =>
        this.#checked(session, runResult, { op: 'run', handle, call, output }, { limits, onProgress }),
      close: async () => {
        opened.now -= 1;
        if (!session.alive) return;
        // A host that cannot even close is found out by the next request.
        await session
          .request({ op: 'close', handle }, { timeoutSeconds: CLOSE_SECONDS })
          .catch(() => undefined);
      },
    };
  }

  async stop(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    this.#greeting = null;
    await session?.stop();
  }

  /** Ends a process that has served long enough; the next use starts another. */
  async #recycle(): Promise<void> {
    const { recycleCases = Infinity, log } = this.#options;
    if (this.#session?.alive !== true || this.#opened.now > 0 || this.#opened.ever < recycleCases) return;
    log.info('engine:recycle', { cases: this.#opened.ever });
    await this.stop();
  }

  /** The living session, started when there is none, after its greeting. */
  async #running(limits: EngineLimits): Promise<EngineSession> {
    const dead = this.#session?.alive === false ? this.#session : null;
    // The dead one's children are gone, and its memory free, before another starts.
    await dead?.ended;
    // Two that wait for the same end, or ask for the first engine at once, share the one that starts.
    if (this.#session === null || this.#session === dead) this.#start(limits);
    const session = this.#session!;
    await this.#greeting;
    return session;
  }

  #start(limits: EngineLimits): void {
    const { host, log, oomKills, grace = GRACE } = this.#options;
    const session = new EngineSession({ host, log, oomKills, grace });
    this.#session = session;
    this.#opened = { ever: 0, now: 0 };
    this.#greeting = this.#greet(session, limits);
    // Taken by whoever awaits the greeting next.
    this.#greeting.catch(() => undefined);
  }

  async #greet(session: EngineSession, { signal }: EngineLimits): Promise<HelloResult> {
    const { clock, log, startSeconds = START_SECONDS } = this.#options;
    const start = clock.seconds();
    const limits = { timeoutSeconds: startSeconds, ...(signal && { signal }) };
    try {
      const hello = await this.#checked(session, helloResult, { op: 'hello' }, { limits });
      const { device, deviceName, versions } = hello;
      const seconds = clock.seconds() - start;
      log.info('engine:ready', { device, deviceName, torch: versions['torch'], seconds });
      return hello;
    } catch (thrown) {
      const error =
        thrown instanceof HpbError && thrown.code === 'ENGINE_TIMEOUT' ? slowStart(startSeconds) : thrown;
      // A host that could not greet serves nothing: the next use starts another.
      if (session.alive) await session.kill(error as HpbError);
      throw error;
    }
  }

  async #checked<T>(
    session: EngineSession,
    schema: z.ZodType<T>,
    body: RequestBody,
    {
      limits,
      onProgress,
    }: { readonly limits: EngineLimits; readonly onProgress?: Parameters<EngineSession['request']>[2] },
  ): Promise<T> {
    const answer = await session.request(body, limits, onProgress);
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0]!;
    const reason = `the answer to ${body.op} has ${issue.path.join('.') || 'a wrong shape'}: ${issue.message}`;
    const error = protocolError(reason, JSON.stringify(answer));
    await session.kill(error);
    throw error;
  }
}

function slowStart(seconds: number): HpbError {
  return new HpbError('ENGINE_START_FAILED', `The engine was not ready ${seconds} s after its start.`, {
    remedy: 'See `hpb doctor`; a very slow disk or a machine without free memory can be the reason.',
    details: { startSeconds: seconds },
  });
}
