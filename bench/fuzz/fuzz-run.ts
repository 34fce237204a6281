import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HpbError } from '../../core/errors.ts';
import { costOf, type Cost } from './cost.ts';
import type { Said } from './nifti-subject.ts';
import type { InputKind, Oracle, Verdicts } from './oracle.ts';

/** The inputs of a kind, and how both sides are held against each other. */
export interface Contest<K extends InputKind, T> {
  readonly kind: K;
  readonly oracle: Oracle;
  readonly inputs: AsyncIterable<Buffer>;
  /** Reads an input as the service does. */
  readonly read: (path: string) => Promise<Said<T>>;
  readonly quarrel: (ours: Said<T>, theirs: Verdicts[K]) => string | null;
  /** An empty folder for the input under way. */
  readonly scratch: string;
  /** Where inputs with findings are kept. */
  readonly keep?: string;
}

/** An input on which the two sides do not agree, or which broke us. */
export interface Finding {
  readonly index: number;
  readonly kind: 'quarrel' | 'crash' | 'slow' | 'large';
  readonly what: string;
}

/** What came of all inputs of a kind. */
export interface FuzzCounts {
  readonly inputs: number;
  readonly bytes: number;
  /** Read by both sides with the same content. */
  accepted: number;
  /** Of those, confirmed by a third reader (nibabel, zipfile, tarfile). */
  witnessed: number;
  refused: number;
  /** Refusals by code. */
  readonly codes: Record<string, number>;
  /** Rounding or a rule that is left open decides. */
  open: number;
  readonly findings: Finding[];
  readonly ms: readonly number[];
  readonly peakBytes: readonly number[];
}

/** Most time and memory that a small input may take. */
export const MOST_MS = 5000;
export const MOST_PEAK_BYTES = 256 * 2 ** 20;

/** Runs all inputs, one after the other. Throws `UNEXPECTED` when the oracle dies. */
export async function fuzzRun<K extends InputKind, T>(contest: Contest<K, T>): Promise<FuzzCounts> {
  const tally = { inputs: 0, bytes: 0, ms: [] as number[], peakBytes: [] as number[] };
  const counts = { accepted: 0, witnessed: 0, refused: 0, codes: {} as Record<string, number>, open: 0 };
  const findings: Finding[] = [];
  for await (const bytes of contest.inputs) {
    const index = tally.inputs++;
    tally.bytes += bytes.length;
    const path = join(contest.scratch, `input-${index}`);
    await writeFile(path, bytes);
    const asked = contest.oracle.judge(contest.kind, path);
    const { said, cost } = await attempt(() => contest.read(path));
    const verdict = await asked;
    tally.ms.push(cost.ms);
    tally.peakBytes.push(cost.peakBytes);
    const found = findingsOf(contest, { said, cost, verdict, index });
    findings.push(...found);
    if (found.length > 0 && contest.keep !== undefined) {
      await mkdir(contest.keep, { recursive: true });
      await copyFile(path, join(contest.keep, `${contest.kind}-${index}`));
    }
    await rm(path);
    if (!(said instanceof Error)) count(counts, said, verdict);
  }
  return { ...tally, ...counts, findings };
}

interface Outcome<K extends InputKind, T> {
  readonly index: number;
  /** An error that has no code of ours: a crash. */
  readonly said: Said<T> | Error;
  readonly cost: Cost;
  readonly verdict: Verdicts[K];
}

async function attempt<T>(
  read: () => Promise<Said<T>>,
): Promise<{ readonly said: Said<T> | Error; readonly cost: Cost }> {
  const { result, cost } = await costOf(() =>
    read().catch((error: unknown) =>
      error instanceof Error
        ? error
        : new HpbError('UNEXPECTED', String(error), { remedy: 'Look at the input.' }),
    ),
  );
  return { said: result, cost };
}

function findingsOf<K extends InputKind, T>(contest: Contest<K, T>, outcome: Outcome<K, T>): Finding[] {
  const { index, said, cost, verdict } = outcome;
  const findings: Finding[] = [];
  if (said instanceof Error) findings.push({ index, kind: 'crash', what: said.stack ?? said.message });
  else {
    const what = contest.quarrel(said, verdict);
    if (what !== null) findings.push({ index, kind: 'quarrel', what });
  }
  if (cost.ms > MOST_MS) findings.push({ index, kind: 'slow', what: `${cost.ms.toFixed(0)} ms` });
  if (cost.peakBytes > MOST_PEAK_BYTES)
    findings.push({ index, kind: 'large', what: `${(cost.peakBytes / 1e6).toFixed(0)} MB` });
  return findings;
}

type Counts = Pick<FuzzCounts, 'accepted' | 'witnessed' | 'refused' | 'codes' | 'open'>;

function count<T>(counts: Counts, said: Said<T>, verdict: Verdicts[InputKind]): void {
  if (verdict.open === true) counts.open += 1;
  if ('code' in said) {
    counts.refused += 1;
    counts.codes[said.code] = (counts.codes[said.code] ?? 0) + 1;
    return;
  }
  counts.accepted += 1;
  if (verdict.witness === 'agrees') counts.witnessed += 1;
}
