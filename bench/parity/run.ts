import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { asHpbError } from '../../core/errors.ts';
import { engineCallOf, type WeightsLocation } from '../../core/models/catalogue.ts';
import type { Engine, OpenedCt } from '../../core/engine-port.ts';
import { plainInput, runPlain, type PlainInput, type PlainTools } from '../plain-tools.ts';
import { compareMasks, type Comparison } from './compare.ts';
import type { ParityRow } from './rows.ts';

/** A CT to compare on: a phantom's id, or the name of a file given by the caller. */
export interface ParityCase {
  readonly id: string;
  /** `.nii.gz`; both sides read this same file. */
  readonly ct: string;
}

/** Both sides, started and warm where they can be. */
export interface ParitySides {
  readonly tools: PlainTools;
  readonly engine: Engine;
  /** Weights of the engine host; the plain tools have a copy. */
  readonly weights: WeightsLocation;
  readonly scratch: string;
}

/** One finished cell of the table. */
export interface ParityResult {
  readonly case: string;
  readonly row: string;
  /** Null when a side failed, see `failure`. */
  readonly comparison: Comparison | null;
  readonly failure: string | null;
  readonly plainSeconds: number | null;
  readonly oursSeconds: number | null;
}

/** Whether a cell proves parity. */
export function passed(result: ParityResult): boolean {
  return result.comparison?.verdict === 'identical';
}

/**
 * Compares every row on one CT: the plain command, cold, against the warm engine host with the CT opened once.
 * A side that fails makes its row fail and leaves the others alone.
 */
export async function* compareCase(
  sides: ParitySides,
  subject: ParityCase,
  rows: readonly ParityRow[],
): AsyncGenerator<ParityResult> {
  const folder = join(sides.scratch, 'ours', subject.id);
  await mkdir(folder, { recursive: true });
  const input = await plainInput(sides.tools, subject.ct);
  const opened = await sides.engine.open(subject.ct);
  try {
    for (const row of rows) {
      yield await compareRow(sides, {
        row,
        subject,
        input,
        opened,
        output: join(folder, `${row.id}.nii.gz`),
      });
    }
  } finally {
    await opened.close();
  }
}

interface Cell {
  readonly row: ParityRow;
  readonly subject: ParityCase;
  readonly input: PlainInput;
  readonly opened: OpenedCt;
  readonly output: string;
}

async function compareRow(sides: ParitySides, cell: Cell): Promise<ParityResult> {
  const { row, subject, output } = cell;
  const call = engineCallOf(row.model, row.options, sides.weights);
  const names = { case: subject.id, row: row.id };
  let plainSeconds: number | null = null;
  try {
    const plain = await runPlain(sides.tools, call, cell.input);
    plainSeconds = plain.seconds;
    const start = performance.now();
    await cell.opened.run({
      call,
      output,
      onProgress: () => undefined,
      signal: new AbortController().signal,
    });
    const oursSeconds = (performance.now() - start) / 1000;
    const comparison = await compareMasks(plain.mask, output, Object.keys(row.labels).map(Number));
    return { ...names, comparison, failure: null, plainSeconds, oursSeconds };
  } catch (thrown) {
    const { code, message } = asHpbError(thrown);
    return { ...names, comparison: null, failure: `${code}: ${message}`, plainSeconds, oursSeconds: null };
  }
}
