import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';

/** How to start a long-lived child that speaks lines of text. */
export interface HostCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What the owner of a child wants to hear. */
export interface HostListener {
  readonly onLine: (line: string) => void;
  readonly onErrorLine: (line: string) => void;
  /** A line of stdout grew beyond `MAX_LINE` without an end; its first characters. */
  readonly onEndlessLine: (start: string) => void;
}

/** How a child ended. */
export interface HostExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** `ENOENT` and the like when it could not be started at all. */
  readonly startError: string | null;
  /** The last lines of stderr. */
  readonly stderrTail: readonly string[];
}

/** Longest line that is taken, characters. */
const MAX_LINE = 1 << 20;
const TAIL_LINES = 40;
/** How long the pipes may stay open after the child has ended: something that left its group may hold them. */
const PIPE_GRACE_MS = 500;

/**
 * A child in a process group of its own, with stdin and stdout as lines. When it ends, by itself or by `kill`,
 * its whole group is killed, and so it is when this process exits.
 */
export class HostProcess {
  readonly pid: number | undefined;
  /** Resolves, never rejects, when the child is gone and its output is read. */
  readonly exited: Promise<HostExit>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #tail: string[] = [];
  readonly #killGroup = (): void => {
    if (this.pid === undefined) return;
    try {
      if (process.platform === 'win32') this.#child.kill('SIGKILL');
      else process.kill(-this.pid, 'SIGKILL');
    } catch {
      // The group is already gone.
    }
  };

  constructor({ command, args, environment }: HostCommand, listener: HostListener) {
    this.#child = spawn(command, [...args], {
      env: { ...environment },
      stdio: 'pipe',
      // Ctrl-C in a terminal goes to its foreground group: the child is ours to end.
      detached: process.platform !== 'win32',
    });
    this.pid = this.#child.pid;
    process.once('exit', this.#killGroup);
    // Writing to a child that is gone: its end is reported by `exited`.
    this.#child.stdin.on('error', () => undefined);
    eachLine(this.#child.stdout, listener.onLine, listener.onEndlessLine);
    const keep = (line: string): void => {
      this.#tail.push(line);
      if (this.#tail.length > TAIL_LINES) this.#tail.shift();
      listener.onErrorLine(line);
    };
    eachLine(this.#child.stderr, keep, keep);
    this.exited = this.#waitForEnd();
  }

  /** Writes one line to the child's stdin; lost in silence when the child is gone. */
  send(line: string): void {
    if (this.#child.stdin.writable) this.#child.stdin.write(`${line}\n`);
  }

  /** Closes the child's stdin, which asks it to end. */
  endInput(): void {
    this.#child.stdin.end();
  }

  /** Kills the child with its whole group and waits until it is gone. */
  async kill(): Promise<HostExit> {
    this.#killGroup();
    return this.exited;
  }

  async #waitForEnd(): Promise<HostExit> {
    const child = this.#child;
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const ended = await new Promise<Omit<HostExit, 'stderrTail'>>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        if (this.pid === undefined)
          resolve({ code: null, signal: null, startError: error.code ?? error.message });
      });
      child.once('exit', (code, signal) => resolve({ code, signal, startError: null }));
    });
    this.#killGroup();
    process.removeListener('exit', this.#killGroup);
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PIPE_GRACE_MS);
    });
    await Promise.race([closed, grace]);
    clearTimeout(timer);
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    return { ...ended, stderrTail: [...this.#tail] };
  }
}

function eachLine(
  stream: NodeJS.ReadableStream,
  onLine: (line: string) => void,
  onEndless: (start: string) => void,
): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== '') onLine(line);
    if (rest.length <= MAX_LINE) return;
    onEndless(rest.slice(0, 1000));
    rest = '';
  });
  stream.on('end', () => {
    if (rest.trim() !== '') onLine(rest);
  });
}
