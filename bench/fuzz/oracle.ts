import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { HpbError } from '../../core/errors.ts';

/** A volume that the oracle or we read. */
export interface ReadVolume {
  readonly dims: readonly number[];
  readonly affine: readonly number[];
  readonly slope: number;
  readonly intercept: number;
  /** Of the stored values as little-endian float64, x running fastest, every NaN the same. */
  readonly sha256: string;
}

/** What the oracle says of a NIfTI file: a volume, or the codes of all rules that it breaks. */
export interface NiftiVerdict {
  readonly volume?: ReadVolume;
  readonly codes?: readonly string[];
  /** Rounding decides. */
  readonly open?: boolean;
  /** What nibabel says of the volume. */
  readonly witness?: 'agrees' | 'differs' | 'none';
  /** The oracle itself failed. */
  readonly failed?: string;
}

/** What the oracle says of an archive: an outcome for each case, or the codes that refuse all of it. */
export interface ArchiveVerdict {
  /** SHA-256 of the CT, or the codes that it may be refused with, by name of the case in order of their ids. */
  readonly cases?: readonly (readonly [name: string, outcome: string | readonly string[]])[];
  readonly codes?: readonly string[];
  readonly open?: boolean;
  readonly witness?: 'agrees' | 'differs' | 'none';
  readonly failed?: string;
}

/** Kinds of inputs, with what the oracle says of them. */
export interface Verdicts {
  readonly nifti: NiftiVerdict;
  readonly archive: ArchiveVerdict;
}

export type InputKind = keyof Verdicts;

/** The independent judge: one Python process of the engine environment, which has nibabel. */
export class Oracle {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #ended: Promise<void>;
  #asked = 0;

  constructor(python: string) {
    const script = join(import.meta.dirname, 'oracle', 'main.py');
    this.#child = spawn(python, [script], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PYTHONDONTWRITEBYTECODE: '1', OMP_NUM_THREADS: '1', PATH: '/usr/bin:/bin' },
    });
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()));
    void this.#ended.then(() => this.#giveUp());
    this.#child.once('error', () => this.#giveUp());
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const { id, verdict } = JSON.parse(line) as { readonly id: number; readonly verdict: unknown };
      this.#waiting.get(id)?.resolve(verdict);
      this.#waiting.delete(id);
    });
  }

  /** Its verdict on a file. Throws `UNEXPECTED` when it has died. */
  judge<K extends InputKind>(kind: K, path: string): Promise<Verdicts[K]> {
    return this.#ask({ kind, path }) as Promise<Verdicts[K]>;
  }

  /** An archive as Python's modules write it; as `judge`, and `UNEXPECTED` when they cannot. */
  async pack(pack: string, members: readonly object[]): Promise<Buffer> {
    const packed = await this.#ask({ pack, members });
    if (typeof packed === 'string') return Buffer.from(packed, 'base64');
    throw new HpbError('UNEXPECTED', `An archive could not be packed: ${JSON.stringify(packed)}`, {
      remedy: 'Look at bench/fuzz/oracle/packers.py.',
    });
  }

  #ask(question: object): Promise<unknown> {
    const id = this.#asked++;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    this.#child.stdin.write(`${JSON.stringify({ id, ...question })}\n`);
    return answer.promise;
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }

  #giveUp(): void {
    for (const { reject } of this.#waiting.values())
      reject(
        new HpbError('UNEXPECTED', 'The oracle ended before it answered.', {
          remedy: 'Is the engine environment there (`npm start` makes it)? Its own error stands above.',
        }),
      );
    this.#waiting.clear();
  }
}
