import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';
import type { OpenApiDocument } from './openapi-document.ts';

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: light-dark(#0b57a4, #8ab8f0); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem 1.5rem 4rem; }
a { color: var(--accent); }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
section { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem 1rem; margin: 1rem 0; overflow-x: auto; }
section h3 { margin: .25rem 0; font-size: 1rem; }
code, pre { font: .9em/1.4 ui-monospace, monospace; background: var(--soft); border-radius: .25rem; }
code { padding: .1em .3em; } pre { padding: .75rem; overflow: auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; font-size: .95em; }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-top: 1px solid var(--line); }
td { overflow-wrap: anywhere; min-width: 4rem; } tr:first-child > td { border-top: 0; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
.verb { text-transform: uppercase; font-weight: 700; color: var(--accent); }
`;

/** Headers of the page: its own style, and nothing else, not even from the same origin. */
export const DOCS_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256')
    .update(STYLE)
    .digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
};

type Html = ReturnType<typeof html>;

/** What the page shows of a schema. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly description?: string;
  readonly example?: unknown;
}

interface Operation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema?: Schema;
    readonly description?: string;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

/** The API as a page to read: made here from the document, without scripts and without requests. */
export function docsPage(document: OpenApiDocument): Html {
  const { info, tags = [], components } = document;
  const schemas = Object.entries((components?.schemas ?? {}) as Record<string, Schema>);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${info.title}</title>
        ${raw(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <main>
          <h1>${info.title} ${info.version}</h1>
          <p>${prose(info.description)}</p>
          <nav>
            ${tags.map(({ name }) => html`<a href="#${name}">${name}</a>`)}<a href="#schemas">Schemas</a
            ><a href="/openapi.json">openapi.json</a>
          </nav>
          ${tags.map(
            ({ name, description }) =>
              html`<h2 id="${name}">${name}</h2>
                <p>${prose(description)}</p>
                ${operationsOf(document, name).map(operationSection)}`,
          )}
          <h2 id="schemas">Schemas</h2>
          ${schemas.map(
            ([name, schema]) =>
              html`<section id="schema-${name}">
                <h3>${name}</h3>
                <p>${prose(schema.description)}</p>
                ${fieldTable(schema)} ${exampleOf(schema)}
              </section>`,
          )}
        </main>
      </body>
    </html>`;
}

/** Text of the document, what stands between backticks as code. */
function prose(text = ''): Html {
  const parts = text.split('`');
  return html`${parts.map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}

type Listed = readonly [path: string, method: string, operation: Operation];

function operationsOf({ paths = {} }: OpenApiDocument, tag: string): readonly Listed[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Operation>)
      .filter(([, operation]) => operation.tags?.includes(tag) ?? false)
      .map(([method, operation]): Listed => [path, method, operation]),
  );
}

function operationSection([path, method, operation]: Listed): Html {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  return html`<section>
    <h3><span class="verb">${method}</span> <code>${path}</code> ${summary}</h3>
    <p>${prose(description)}</p>
    <table>
      ${parameters.map(
        (one) =>
          html`<tr>
            <td><code>${one.name}</code> (${one.in}${one.required === true ? '' : ', optional'})</td>
            <td>${typeOf(one.schema ?? {})}</td>
            <td>${prose(one.description ?? one.schema?.description)}</td>
          </tr>`,
      )}
      ${contentRows('body', requestBody?.content ?? {})}
      ${Object.entries(responses).map(
        ([status, answer]) =>
          html`<tr>
              <td>${status}</td>
              <td colspan="2">${prose(answer.description)}</td>
            </tr>
            ${Number(status) < 400 ? contentRows('', answer.content ?? {}) : ''}`,
      )}
    </table>
  </section>`;
}

function contentRows(label: string, content: Content): readonly Html[] {
  return Object.entries(content).map(
    ([type, { schema = {} }]) =>
      html`<tr>
        <td>${label}</td>
        <td>${type}</td>
        <td>${schema.properties === undefined ? typeOf(schema) : fieldTable(schema)}</td>
      </tr>`,
  );
}

function fieldTable({ properties, required = [] }: Schema): Html | '' {
  if (properties === undefined) return '';
  return html`<table>
    ${Object.entries(properties).map(
      ([name, field]) =>
        html`<tr>
          <td><code>${name}</code>${required.includes(name) ? '' : ' (optional)'}</td>
          <td>${typeOf(field)}</td>
          <td>${prose(field.description)}</td>
        </tr>`,
    )}
  </table>`;
}

function exampleOf({ example }: Schema): Html | '' {
  return example === undefined ? '' : html`<pre>${JSON.stringify(example, null, 2)}</pre>`;
}

/** A type in a few words; what has a name is a link to it. */
function typeOf(schema: Schema): Html | string {
  const { $ref, anyOf, oneOf, items, properties, additionalProperties } = schema;
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf('/') + 1);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  const options = anyOf ?? oneOf;
  if (options !== undefined)
    return html`${options.map((option, index) => html`${index > 0 ? ' or ' : ''}${typeOf(option)}`)}`;
  if (items !== undefined) return html`list of ${typeOf(items)}`;
  if (properties !== undefined) return fieldTable(schema);
  if (typeof additionalProperties === 'object') return html`map to ${typeOf(additionalProperties)}`;
  return plainType(schema);
}

function plainType({ type, format, ...schema }: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  // All error codes are one list too long for a cell.
  if (schema.enum !== undefined && schema.enum.length <= 16) return schema.enum.join(' | ');
  return `${[type ?? 'any'].flat().join(' | ')}${format === undefined ? '' : ` (${format})`}`;
}
