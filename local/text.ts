import type { ErrorDocument, HpbError } from '../core/errors.ts';

/** An error as a person reads it: what is wrong, what to do, the code to search for. */
export function errorText(error: HpbError | ErrorDocument): string {
  return printableLines(`${error.message}\n  What to do: ${error.remedy}\n  Code: ${error.code}`);
}

/** One JSON document on one line, as `--json` prints it. */
export function jsonLine(document: unknown): string {
  return `${JSON.stringify(document)}\n`;
}

/** Bytes for people: 812 kB, 1.4 GB (powers of 1000, as disks and downloads are sold). */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]!}`;
}

/** Seconds for people: 8 s, 1 min 05 s. */
export function secondsText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** A name that somebody else gave, without what a terminal would obey. */
export function printable(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}]/gu, '\u{fffd}');
}

/** The same of text whose line ends and tabs are to stay. */
export function printableLines(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Cf}]/gu, '\u{fffd}');
}

/** Rows as aligned columns; the first row is the heading. Columns whose number is in `right` are right-aligned. */
export function tableText(cells: readonly (readonly string[])[], right: readonly number[] = []): string {
  const rows = cells.map((row) => row.map(printable));
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}
