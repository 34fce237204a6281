import { html, type Html } from './html.ts';

/** A column: its heading, and whether it holds figures, which stand to the right. */
export interface Column {
  readonly title: string;
  readonly figures?: true;
}

/** A table with a caption; the first cell of each row is its heading. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly (Html | string)[])[],
): Html {
  const classOf = (at: number): Html | null => (columns[at]!.figures ? html` class="n"` : null);
  const head = columns.map(({ title }, at) => html`<th scope="col" ${classOf(at)}>${title}</th>`);
  const body = rows.map(([first, ...others]) => {
    const cells = others.map((cell, at) => html`<td ${classOf(at + 1)}>${cell}</td>`);
    return html`<tr>
      <th scope="row">${first!}</th>
      ${cells}
    </tr>`;
  });
  // Wide tables scroll by themselves, by keyboard too, so that the page does not.
  return html`<div class="wide" role="region" aria-label="${caption}" tabindex="0">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${head}
        </tr>
      </thead>
      <tbody>
        ${body.map((row) => html`${row} `)}
      </tbody>
    </table>
  </div>`;
}
