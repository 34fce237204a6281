import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CfnOutput } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { createContext } from '../../cli/context.ts';
import { buildProgram } from '../../cli/program.ts';
import { configSchema } from '../../lib/config/deployment-config.ts';
import { ROOT, stacksOf } from '../fixtures/stacks.ts';

/** What somebody reads who has nothing but the documents; docs/reference is generated. */
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Code of a page, inline or fenced, one piece a line, without what a shell fills in or leaves aside. */
function codeOf(page: string): readonly string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const fenced = [...text.matchAll(/^```\w*\n(.*?)^```/gms)].flatMap(([, block]) =>
    block!.replaceAll('\\\n', ' ').split('\n'),
  );
  const inline = [...text.replaceAll(/^```.*?^```/gms, '').matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
  return [...fenced, ...inline].map((line) =>
    line.replaceAll(/\$\([^)]*\)/g, 'TEXT').replace(/(^|\s)#.*$/, ''),
  );
}

interface Told {
  readonly page: string;
  readonly text: string;
}

const told = (pattern: RegExp): readonly Told[] =>
  PAGES.flatMap((page) =>
    codeOf(page).flatMap((line) => [...line.matchAll(pattern)].map(([, text]) => ({ page, text: text! }))),
  );

const program = buildProgram(
  createContext(
    { stdout: process.stdout, stderr: process.stderr, env: {} },
    ROOT,
    new AbortController().signal,
  ),
);

/** The command that the first words name, and what is left of them. */
function resolved(
  words: readonly string[],
  command: Command = program,
): readonly [Command, readonly string[]] {
  const next = command.commands.find((one) => one.name() === words[0]);
  return next === undefined ? [command, words] : resolved(words.slice(1), next);
}

describe('what the documents tell to type', () => {
  const commands = told(/(?:^|[\s(;&])hpb ((?:[a-z][a-z-]*|--[a-z]+)\b[^`|;&>)]*)/g);

  it.each(commands)('$page: hpb $text', ({ text }) => {
    const words = text.trim().split(/\s+/);
    const [command, rest] = resolved(words);
    const known = new Set(command.options.flatMap(({ long, short }) => [long, short]));
    known.add('--help').add(command === program ? '--version' : undefined);

    expect(command === program && !words[0]!.startsWith('--'), 'a command that is none').toBe(false);
    expect(
      rest.filter((word) => /^--?[a-z]/i.test(word)).filter((word) => !known.has(word.split('=')[0])),
    ).toEqual([]);
  });

  it.each(told(/-c ([A-Za-z]+)=/g))('$page: a deployment takes -c $text=', ({ text }) => {
    expect(['stage', 'preset', ...Object.keys(configSchema.shape)]).toContain(text);
  });

  it.each(told(/npm (?:run )?((?<=run )[\w:-]+)/g))('$page: npm run $text', ({ text }) => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(Object.keys(scripts)).toContain(text);
  });

  it('finds commands of every kind', () => {
    expect(commands.length).toBeGreaterThan(50);
    expect(commands.map(({ page }) => page)).toEqual(
      expect.arrayContaining(['README.md', 'docs/deploy.md', 'docs/operations.md', 'docs/runbook.md']),
    );
  });

  it('names outputs of the stacks as they are', () => {
    const named = PAGES.flatMap((page) =>
      [
        ...readFileSync(join(ROOT, page), 'utf8').matchAll(
          /OutputKey=='(\w+)'|out (?:Data|Compute|Service) (\w+)/g,
        ),
      ].map(([, queried, asked]) => queried ?? asked!),
    );
    const { data, compute, service } = stacksOf();
    const outputs = [data, compute, service].flatMap((stack) =>
      stack.node.children.filter((child) => child instanceof CfnOutput).map(({ node }) => node.id),
    );

    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((name) => !outputs.includes(name))).toEqual([]);
  });
});
