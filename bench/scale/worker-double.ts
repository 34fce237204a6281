import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { HpbError } from '../../core/errors.ts';

/** The process that stands for all workers: it writes results, and what it takes is not counted as ours. */
export class WorkerDouble {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  #asked = 0;

  constructor(storeAddress: string) {
    this.#child = fork(join(import.meta.dirname, 'results-writer.ts'), ['--store', storeAddress]);
    this.#child.on('message', ({ id }: { readonly id: number }) => {
      this.#waiting.get(id)?.resolve();
      this.#waiting.delete(id);
    });
    this.#child.once('exit', () => {
      for (const { reject } of this.#waiting.values())
        reject(new HpbError('UNEXPECTED', 'The double of the workers ended.', { remedy: 'See above.' }));
    });
  }

  /** Writes the results of a shard. */
  async write(shardKey: string): Promise<void> {
    const id = this.#asked++;
    const answer = Promise.withResolvers<void>();
    this.#waiting.set(id, answer);
    this.#child.send({ id, shardKey });
    await answer.promise;
  }

  close(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}
