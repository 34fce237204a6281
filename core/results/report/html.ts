/** Text that is HTML already; everything else is escaped where it is put in. */
export interface Html {
  readonly html: string;
}

type Piece = Html | string | number | null | readonly Piece[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Characters that an HTML page cannot hold, or that turn the direction of the text around them. */
const UNPRINTABLE = /[\p{Cc}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{fffe}\u{ffff}]/gu;

/** Text as it can stand anywhere in an HTML page, in quoted attributes too. */
export function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(UNPRINTABLE, '\u{fffd}')
    .replace(/[&<>"']/g, (letter) => ENTITIES[letter]!);
}

/** Template of HTML: what is put in is escaped unless it is `Html`; null is nothing, lists are joined. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return { html: strings.reduce((text, part, at) => text + textOf(pieces[at - 1] ?? null) + part) };
}

/** HTML that somebody made already. */
export const asHtml = (text: string): Html => ({ html: text });

function textOf(piece: Piece): string {
  if (piece === null) return '';
  if (typeof piece === 'string') return escaped(piece);
  if (typeof piece === 'number') return String(piece);
  return 'html' in piece ? piece.html : piece.map(textOf).join('');
}
