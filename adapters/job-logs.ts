import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';

const MAX_BYTES = 2 ** 20;
const OLDER = '.1';

/** One log file per job in a folder; of a long one the last `maxBytes` to twice as many are kept. */
export class JobLogs {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #sizes = new Map<string, number>();

  constructor(folder: string, maxBytes = MAX_BYTES) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    mkdirSync(folder, { recursive: true });
  }

  /** Where the log of a job is. */
  pathOf(name: string): string {
    return join(this.#folder, `${name}.log`);
  }

  /** Adds a line. A log that cannot be written (disk full) ends no job. */
  append(name: string, line: string): void {
    const path = this.pathOf(name);
    const text = `${line}\n`;
    try {
      const size = this.#sizes.get(name) ?? sizeOf(path);
      const full = size > 0 && size + text.length > this.#maxBytes;
      if (full) renameSync(path, `${path}${OLDER}`);
      appendFileSync(path, text);
      this.#sizes.set(name, (full ? 0 : size) + text.length);
    } catch {
      this.#sizes.delete(name);
      this.#makeAgain();
    }
  }

  /** For the next line, when somebody has cleared the folder away. */
  #makeAgain(): void {
    try {
      mkdirSync(this.#folder, { recursive: true });
    } catch {
      // The disk is full, or not to be written to.
    }
  }

  /** None while somebody has cleared the folder away. */
  #names(): readonly string[] {
    return existsSync(this.#folder) ? readdirSync(this.#folder) : [];
  }

  /** To be called when a job writes no more. */
  close(name: string): void {
    this.#sizes.delete(name);
  }

  /** Deletes the logs whose job's name starts so. */
  remove(namePrefix: string): void {
    for (const file of this.#names().filter((name) => name.startsWith(namePrefix)))
      rmSync(join(this.#folder, file), { force: true });
  }

  /** The last lines of the logs whose job's name starts so, the logs by the time of their last line. */
  tail(namePrefix: string, lines: number): readonly string[] {
    if (lines <= 0) return [];
    const names = this.#names()
      .filter((file) => file.startsWith(namePrefix) && file.endsWith('.log'))
      .map((file) => ({ path: join(this.#folder, file), at: statSync(join(this.#folder, file)).mtimeMs }))
      .sort((a, b) => b.at - a.at);
    let found: string[] = [];
    for (const { path } of names)
      for (const part of [path, `${path}${OLDER}`]) {
        if (found.length >= lines) return found;
        found = [...linesOf(part).slice(found.length - lines), ...found];
      }
    return found;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function linesOf(path: string): readonly string[] {
  if (sizeOf(path) === 0) return [];
  return readFileSync(path, 'utf8').replace(/\n$/, '').split('\n');
}
