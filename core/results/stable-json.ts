import { HpbError } from '../errors.ts';

/**
 * JSON text of a document: keys in the order they were built, two spaces, arrays of plain values on one line,
 * newline at the end. The same document always gives the same bytes.
 *
 * @throws HpbError UNEXPECTED for NaN and infinity, which JSON would turn into null in silence.
 */
export function stableJson(document: unknown): string {
  return `${write(document, '')}\n`;
}

/** `value` to so many decimals; never -0. */
export function rounded(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  return Math.round(value * factor) / factor + 0;
}

/** `rounded` of three values. */
export function roundedTriple(
  [x, y, z]: readonly [number, number, number],
  decimals: number,
): [number, number, number] {
  return [rounded(x, decimals), rounded(y, decimals), rounded(z, decimals)];
}

function write(value: unknown, indent: string): string {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new HpbError('UNEXPECTED', `A result document would hold ${value}, which JSON cannot say.`, {
      remedy: 'Report this together with the input header facts of `hpb check`.',
    });
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return Array.isArray(value) ? writeArray(value, indent) : writeObject(value, indent);
}

function writeArray(items: readonly unknown[], indent: string): string {
  if (items.every((item) => item === null || typeof item !== 'object')) {
    return `[${items.map((item) => write(item, indent)).join(', ')}]`;
  }
  return block(
    items.map((item) => write(item, `${indent}  `)),
    indent,
    '[]',
  );
}

function writeObject(object: object, indent: string): string {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  if (entries.length === 0) return '{}';
  return block(
    entries.map(([key, value]) => `${JSON.stringify(key)}: ${write(value, `${indent}  `)}`),
    indent,
    '{}',
  );
}

function block(lines: readonly string[], indent: string, brackets: string): string {
  const [open, close] = brackets;
  return `${open}\n${lines.map((line) => `${indent}  ${line}`).join(',\n')}\n${indent}${close}`;
}
