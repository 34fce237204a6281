import type { FuzzCounts, Finding } from './fuzz-run.ts';
import type { InputKind } from './oracle.ts';

/** What came of one kind of input, as docs/fuzz.json keeps it. */
export interface FuzzRecord {
  readonly kind: InputKind;
  readonly seed: number;
  readonly inputs: number;
  readonly bytes: number;
  readonly accepted: number;
  readonly witnessed: number;
  readonly refused: number;
  readonly open: number;
  /** Share of the inputs that both sides accept. */
  readonly valid: number;
  readonly codes: Readonly<Record<string, number>>;
  readonly ms: { readonly p50: number; readonly p99: number; readonly most: number };
  readonly mostPeakBytes: number;
  readonly findings: readonly Finding[];
}

/** A run of all kinds, and the machine it ran on. */
export interface FuzzRunRecord {
  readonly machine: string;
  readonly records: readonly FuzzRecord[];
}

export function recordOf(kind: InputKind, seed: number, counts: FuzzCounts): FuzzRecord {
  const { inputs, bytes, accepted, witnessed, refused, open, findings } = counts;
  const ms = counts.ms.toSorted((a, b) => a - b);
  const at = (share: number): number => Number((ms[Math.floor(share * (ms.length - 1))] ?? 0).toFixed(2));
  const codes = Object.fromEntries(Object.entries(counts.codes).sort(([, a], [, b]) => b - a));
  return {
    kind,
    seed,
    inputs,
    bytes,
    accepted,
    witnessed,
    refused,
    open,
    valid: accepted / Math.max(1, inputs),
    codes,
    ms: { p50: at(0.5), p99: at(0.99), most: at(1) },
    mostPeakBytes: counts.peakBytes.reduce((most, bytes) => Math.max(most, bytes), 0),
    findings,
  };
}

/** The run as a table for a terminal. */
export function tableOf({ machine, records }: FuzzRunRecord): string {
  const lines = records.flatMap((record) => [
    `${record.kind}, seed ${record.seed}: ${record.inputs} inputs, ${(record.bytes / 1e6).toFixed(0)} MB`,
    `  accepted by both ${record.accepted} (${(100 * record.valid).toFixed(1)} %), confirmed by a third reader ${record.witnessed}`,
    `  refused by both ${record.refused}, left open by the rules ${record.open}`,
    `  ms p50 ${record.ms.p50}, p99 ${record.ms.p99}, most ${record.ms.most}; most memory ${(record.mostPeakBytes / 1e6).toFixed(1)} MB`,
    `  codes ${Object.entries(record.codes)
      .map(([code, count]) => `${code} ${count}`)
      .join(', ')}`,
    `  findings ${record.findings.length}`,
    ...record.findings.map(({ index, kind, what }) => `    #${index} ${kind}: ${what}`),
  ]);
  return `${[machine, ...lines].join('\n')}\n`;
}
