import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { HpbError } from '../core/errors.ts';

/** Environment of a child process. */
export type Environment = Readonly<Record<string, string | undefined>>;

interface ProcessRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Environment;
  /** Called for every line of stdout and stderr as it comes. */
  readonly onLine?: (line: string) => void;
  /** Aborting kills the process with all its children and throws `CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
  /** After this time the process is killed and `timedOut` is true. */
  readonly timeoutMs?: number;
}

/** How a process ended. */
export interface ProcessResult {
  /** Null when it could not be started or died of a signal. */
  readonly exitCode: number | null;
  /** `ENOENT` and the like when it could not be started. */
  readonly startError: string | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  /** The last lines of stdout and stderr together. */
  readonly tail: readonly string[];
}

const KEPT_LINES = 40;
const MAX_STDOUT = 4_000_000;
const GRACE_MS = 2_000;

/**
 * Runs a command to its end in a process group of its own, without a shell. A non-zero exit is a result, not
 * an error.
 *
 * @throws HpbError CANCELLED when `signal` is aborted; the whole group is gone by then.
 */
export async function runProcess(request: ProcessRequest): Promise<ProcessResult> {
  throwIfCancelled(request.signal);
  const child = spawn(request.command, [...request.args], {
    env: { ...request.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that pip's compilers and the like can be killed with it.
    detached: process.platform !== 'win32',
  });
  const tail: string[] = [];
  let stdout = '';
  follow(child.stdout, (line) => {
    if (stdout.length < MAX_STDOUT) stdout += `${line}\n`;
    keep(line);
  });
  follow(child.stderr, keep);
  function keep(line: string): void {
    tail.push(line);
    if (tail.length > KEPT_LINES) tail.shift();
    request.onLine?.(line);
  }
  let timedOut = false;
  const kill = (): void => killGroup(child);
  const timer =
    request.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          kill();
        }, request.timeoutMs);
  request.signal?.addEventListener('abort', kill, { once: true });
  try {
    const ended = await waitForEnd(child);
    throwIfCancelled(request.signal);
    return { ...ended, timedOut, stdout, tail };
  } finally {
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', kill);
  }
}

/**
 * Ends a step whose signal was aborted.
 *
 * @throws HpbError CANCELLED
 */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new HpbError('CANCELLED', 'Cancelled before it was finished.', {
      remedy: 'Run the same command again: it goes on where it stopped.',
    });
  }
}

function follow(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream }).on('line', onLine);
}

function waitForEnd(child: ChildProcess): Promise<Pick<ProcessResult, 'exitCode' | 'startError'>> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ exitCode: null, startError: error.code ?? error.message }),
    );
    child.once('close', (exitCode) => resolve({ exitCode, startError: null }));
  });
}

function killGroup(child: ChildProcess): void {
  const signalGroup = (signal: 'SIGTERM' | 'SIGKILL'): void => {
    if (child.pid === undefined) return;
    try {
      if (process.platform === 'win32') child.kill(signal);
      else process.kill(-child.pid, signal);
    } catch {
      // The group is already gone.
    }
  };
  signalGroup('SIGTERM');
  const timer = setTimeout(() => signalGroup('SIGKILL'), GRACE_MS);
  // Children that outlive their parent keep the pipes open: the group is killed all the same.
  child.once('close', () => {
    clearTimeout(timer);
    signalGroup('SIGKILL');
  });
}
