import { stat, utimes, writeFile } from 'node:fs/promises';

/** An empty file whose time tells when a service last worked in a data root, through its end and a night's sleep. */
export class AliveMark {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** For how long nobody has touched the mark, ms; 0 when there is none. */
  async silenceMs(): Promise<number> {
    const facts = await stat(this.#path).catch(() => null);
    return facts === null ? 0 : Math.max(0, Date.now() - facts.mtimeMs);
  }

  /** Throws errors of the file system as they are. */
  async touch(): Promise<void> {
    const now = new Date();
    await utimes(this.#path, now, now).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      await writeFile(this.#path, '');
    });
  }
}
