import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { answerOf, httpHome } from './http-home.ts';

interface Operation {
  readonly operationId?: string;
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly description?: string;
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: object }>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Schema {
  readonly oneOf?: readonly object[];
  readonly required?: readonly string[];
  readonly properties: Readonly<Record<string, { readonly properties?: Readonly<Record<string, object>> }>>;
}
interface Forms {
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
  readonly paths: {
    readonly '/segment/{target}': {
      readonly post: {
        readonly requestBody: {
          readonly content: { readonly 'multipart/form-data': { readonly schema: Schema } };
        };
      };
    };
  };
}

const read = async (): Promise<Document> => answerOf(await httpHome().call('GET /openapi.json'));
const operations = ({ paths }: Document) => Object.values(paths).flatMap((path) => Object.values(path));

describe('the OpenAPI document', () => {
  it('is valid in the eyes of a validator that we did not write', async () => {
    const document = await read();

    const result = await new Validator().validate({ ...document });

    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(document.openapi).toBe('3.1.0');
  });

  it('has no pattern that JSON Schema reads otherwise than we do', async () => {
    const patterns = [...JSON.stringify(await read()).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)].map(
      ([, text]) => JSON.parse(text!) as string,
    );

    expect(patterns.length).toBeGreaterThan(3);
    for (const pattern of patterns) expect(pattern).toMatch(/^\^.*\$$/);
  });

  it.each([
    ['an estimate', 'EstimateRequest', ['uploadId', 'grid']],
    ['a form', 'form', ['ct', 'bundle']],
  ])('says that %s takes just one of two', async (_, of, names) => {
    const { components, paths } = (await read()) as unknown as Forms;
    const content = paths['/segment/{target}'].post.requestBody.content;
    const schema = of === 'form' ? content['multipart/form-data'].schema : components.schemas[of]!;

    expect(schema.oneOf).toEqual(names.map((name) => ({ required: [name] })));
    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(names));
    expect(schema.required ?? []).toEqual([]);
  });

  it('tells how many numbers a grid has', async () => {
    const { components } = (await read()) as unknown as Forms;
    const { grid } = components.schemas['EstimateRequest']!.properties;

    expect(grid!.properties!['dims']).toMatchObject({ minItems: 3, maxItems: 3 });
  });

  it('is refused by that validator when it is spoilt', async () => {
    const spoilt = { ...(await read()), paths: { 'no-slash': { get: {} } } };

    expect((await new Validator().validate(spoilt)).valid).toBe(false);
  });

  it('names every call that the app serves, and no other', async () => {
    const { app } = httpHome();
    const document = await read();

    const documented = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    const served = app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path.replace('{.+}', '')}`)
      .filter((route) => !['GET /openapi.json', 'GET /docs'].includes(route));
    expect(new Set(documented)).toEqual(new Set(served));
  });

  it('describes every call: id, group, words, and errors as problem documents', async () => {
    const all = operations(await read());

    expect(new Set(all.map(({ operationId }) => operationId)).size).toBe(all.length);
    for (const { operationId, tags, summary, description, responses } of all) {
      expect([tags?.length, Boolean(summary), Boolean(description)], operationId).toEqual([1, true, true]);
      expect(Object.keys(responses), operationId).toContain('500');
      for (const [status, { content = {} }] of Object.entries(responses))
        if (Number(status) >= 400 && operationId !== 'readiness')
          expect(Object.keys(content), `${operationId} ${status}`).toEqual(['application/problem+json']);
    }
  });

  it('is the same wherever the service runs', async () => {
    const cloud = httpHome({ deployment: { loadForms: null, serverSentEvents: false } });

    expect(await (await cloud.call('GET /openapi.json')).json()).toEqual(await read());
  });
});

describe('the page of the API', () => {
  it('shows every call, loads nothing and runs nothing', async () => {
    const { call } = httpHome();

    const answer = await call('GET /docs');
    const page = await answer.text();

    expect(answer.headers.get('content-type')).toContain('text/html');
    for (const path of Object.keys((await read()).paths)) expect(page).toContain(`<code>${path}</code>`);
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\son\w+=|javascript:/i);
    expect(page).not.toMatch(/(src|href)="(?!#|\/openapi\.json)/);
    expect(page).toContain('color-scheme: light dark');
    expect(page).not.toMatch(/\[object Object\]|undefined/);
    expect(page, 'code is marked as such').not.toContain('`');
  });

  it('allows just its own style, by its hash', async () => {
    const { createHash } = await import('node:crypto');
    const answer = await httpHome().call('GET /docs');
    const style = /<style>([\s\S]*?)<\/style>/.exec(await answer.text())?.[1] ?? '';

    const hash = createHash('sha256').update(style).digest('base64');

    expect(answer.headers.get('content-security-policy')).toContain(`'sha256-${hash}'`);
  });
});
