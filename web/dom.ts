type Value = string | number | boolean | null | ((event: Event) => void);

/** What an element can hold; null leaves nothing. Text stays text, whatever is in it. */
export type Child = Node | string | null;

/**
 * An element: attributes by their HTML names, `on…` functions as listeners; true is an attribute without a value,
 * false and null are none.
 */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, Value>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Says something to those who listen to the page: changes that eyes see without being told. */
export function announce(text: string): void {
  document.querySelector('#news')!.textContent = text;
}

/** A table with a caption for all, header cells, and cells of numbers to the right. */
export function table(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly Child[])[],
): HTMLTableElement {
  return el(
    'table',
    {},
    el('caption', {}, caption),
    el('thead', {}, el('tr', {}, ...columns.map((column) => el('th', { scope: 'col' }, column)))),
    el(
      'tbody',
      {},
      ...rows.map(([first = null, ...others]) =>
        el('tr', {}, el('th', { scope: 'row' }, first), ...others.map((cell) => el('td', {}, cell))),
      ),
    ),
  );
}
