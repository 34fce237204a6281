/** First line of every generated page. */
export const GENERATED = '<!-- Written by `npm run docs` from the code; do not edit. -->';

/** A page: title, paragraphs and tables, with an empty line between. */
export function page(title: string, ...blocks: readonly string[]): string {
  return `${[GENERATED, `# ${title}`, ...blocks].join('\n\n')}\n`;
}

/** A table; `|` in a cell is escaped. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number | boolean)[])[],
): string {
  const line = (cells: readonly (string | number | boolean)[]): string =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Text as code. */
export const code = (text: string | number): string => `\`${text}\``;
