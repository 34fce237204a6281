import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deploymentSchema } from '../../core/deployment.ts';
import { settingsSchema } from '../../core/settings.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Pages that people write; docs/reference is generated. */
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`),
]
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ page: name, text: readFileSync(join(ROOT, name), 'utf8') }));

interface Named {
  readonly page: string;
  readonly name: string;
}

const named = (pattern: RegExp): readonly Named[] =>
  PAGES.flatMap(({ page, text }) => [...text.matchAll(pattern)].map(([, name]) => ({ page, name: name! })));

describe('the documents', () => {
  it('name the deployment in every call of the CDK that is one: without it that would be dev', () => {
    const calls = named(/\bcdk ((?:deploy|destroy|diff)\b[^`\n#]*)/g).filter(({ name }) =>
      /Hpb-|--all/.test(name),
    );

    expect(calls.length).toBeGreaterThan(4);
    expect(calls.filter(({ name }) => !/ -c stage=/.test(name))).toEqual([]);
  });

  it('push weights to a place', () => {
    const places = named(/\bhpb models push ([^`\n]*)/g);

    expect(places.length).toBeGreaterThan(2);
    expect(named(/\bhpb models push`/g)).toEqual([]);
  });

  it('name settings that are read', () => {
    const known = new Set([...Object.keys(settingsSchema.shape), ...Object.keys(deploymentSchema.shape)]);
    // Of `npm run rehearse` and of the tests.
    const others = /^HPB_(REHEARSAL|TEST)_/;
    const settings = named(/\b(HPB_[A-Z0-9_]*[A-Z0-9])\b(?!_)/g);

    expect(settings.length).toBeGreaterThan(20);
    expect(settings.filter(({ name }) => !known.has(name) && !others.test(name))).toEqual([]);
  });

  it('link to pages and sections that there are', () => {
    const links = named(/\]\((?!https?:)([^)\s]+)\)/g);

    expect(links.length).toBeGreaterThan(50);
    expect(links.filter(({ page, name }) => !isThere(page, name))).toEqual([]);
  });
});

function isThere(page: string, target: string): boolean {
  const [file = '', section] = target.split('#');
  const path = file === '' ? join(ROOT, page) : join(ROOT, dirname(page), file);
  if (!existsSync(path)) return false;
  if (section === undefined) return true;
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm);
  return [...headings].some(([, heading]) => anchor(heading!) === section);
}

/** What GitHub makes of a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
