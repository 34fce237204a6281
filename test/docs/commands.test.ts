import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import type { CommandContext } from '../../cli/context.ts';
import { buildProgram } from '../../cli/program.ts';
import { deploymentSchema } from '../../core/deployment.ts';
import { settingsSchema } from '../../core/settings.ts';
import { configSchema } from '../../lib/config/deployment-config.ts';
import { ROOT, stacksOf } from '../fixtures/stacks.ts';

/** Pages that people type from. */
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`),
]
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, text: readFileSync(join(ROOT, name), 'utf8') }));

const BLOCK = /^```sh\n([^]*?)^```/gm;
const INLINE = /`([^`\n]+)`/g;

/** Commands of a shell text, without comments; those after `&&`, `;`, `|` and in `$(…)` are commands of their own. */
const commandsIn = (text: string): readonly string[] =>
  text
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .flatMap((line) => line.replace(/(^|\s)#.*$/, '').split(/&&|;|\||\$\(/))
    .map((command) =>
      command
        .trim()
        .replace(/^sudo (env ("[^"]*"|\S+=\S+) )*/, '')
        .replace(/^(\w+=\S+ )*/, ''),
    )
    .map((command) => command.replace(/^npx /, ''));

interface Said {
  readonly page: string;
  readonly command: string;
  /** To be typed as it stands; others are mentions, which may leave arguments out. */
  readonly isWhole: boolean;
}

const SAID: readonly Said[] = PAGES.flatMap(({ name: page, text }) => [
  ...[...text.matchAll(BLOCK)]
    .flatMap(([, block]) => commandsIn(block!))
    .map((command) => ({ page, command, isWhole: true })),
  ...[...text.replaceAll(BLOCK, '').matchAll(INLINE)]
    .flatMap(([, inline]) => commandsIn(inline!))
    .map((command) => ({ page, command, isWhole: false })),
]);
const saidOf = (program: string): readonly Said[] =>
  SAID.filter(({ command }) => command === program || command.startsWith(`${program} `));

/** What is wrong with a call of `hpb`; null when it can be typed so. */
function wrongIn(program: Command, { command: text, isWhole }: Said): string | null {
  const words = text.match(/"[^"]*"|'[^']*'|\S+/g)!.slice(1);
  let command = program;
  for (let next = command; words.length > 0; command = next) {
    const found = command.commands.find((one) => one.name() === words[0]);
    if (found === undefined) break;
    words.shift();
    next = found;
  }
  if (command.commands.length > 0) return words.length > 0 || isWhole ? `no such command: ${text}` : null;
  let given = 0;
  while (words.length > 0) {
    const word = words.shift()!;
    if (!word.startsWith('-')) given += 1;
    else if (word !== '--help') {
      const option = command.options.find(({ long, short }) => [long, short].includes(word));
      if (option === undefined) return `no option ${word}: ${text}`;
      if (option.required && words.shift() === undefined) return `no value of ${word}: ${text}`;
    }
  }
  const needed = command.registeredArguments.filter(({ required }) => required).length;
  return isWhole && given < needed ? `${needed} arguments needed: ${text}` : null;
}

describe('the documentation', () => {
  it('calls hpb as it can be called', () => {
    const program = buildProgram({ packageRoot: ROOT } as CommandContext);
    const said = saidOf('hpb');

    expect(said.length).toBeGreaterThan(60);
    expect(
      said.flatMap((one) => {
        const wrong = wrongIn(program, one);
        return wrong === null ? [] : [`${one.page}: ${wrong}`];
      }),
    ).toEqual([]);
  });

  it('names the deployment in every call of the CDK: without it that would be dev', () => {
    const said = saidOf('cdk').filter(({ command, isWhole }) => isWhole || / --all/.test(command));

    expect(said.length).toBeGreaterThan(4);
    expect(said.filter(({ command }) => !/ -c stage=|^cdk bootstrap/.test(command))).toEqual([]);
  });

  it('sets properties that a deployment has', () => {
    const known = new Set([...Object.keys(configSchema.shape), 'stage', 'preset']);
    const named = PAGES.flatMap(({ text }) => [...text.matchAll(/-c (\w+)=/g)].map(([, name]) => name!));

    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('names settings that are read', () => {
    const known = new Set([...Object.keys(settingsSchema.shape), ...Object.keys(deploymentSchema.shape)]);
    // Of `npm run rehearse` and of the tests.
    const others = /^HPB_(REHEARSAL|TEST)_/;
    const unknown = PAGES.flatMap(({ name: page, text }) =>
      [...text.matchAll(/\bHPB_[A-Z0-9_]+\b/g)]
        .map(([name]) => name)
        .filter((name) => !known.has(name) && !others.test(name))
        .map((name) => `${page}: ${name}`),
    );

    expect(unknown).toEqual([]);
  });

  it('runs scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = SAID.flatMap(({ page, command }) => {
      const [, name] = /^npm run ([\w:-]+)/.exec(command) ?? [];
      return name === undefined ? [] : [{ page, name }];
    });

    expect(named.length).toBeGreaterThan(5);
    expect(named.filter(({ name }) => scripts[name] === undefined)).toEqual([]);
  });

  it('asks stacks for outputs that they have', () => {
    const { data, compute, service } = stacksOf({ stage: 'prod' });
    const stacks = { Data: data, Compute: compute, Service: service } as const;
    const asked = PAGES.flatMap(({ text }) =>
      [
        ...text.matchAll(/\bout (Data|Compute|Service) (\w+)/g),
        ...text.matchAll(/--stack-name "?Hpb-\S+?-(\w+)"?[^`]*?OutputKey=='(\w+)'/g),
      ].map(([, stack, output]) => [stack as keyof typeof stacks, output!] as const),
    );

    expect(asked.length).toBeGreaterThan(10);
    for (const [stack, output] of asked)
      expect(stacks[stack]?.node.tryFindChild(output), `${stack} ${output}`).toBeDefined();
  });

  it('links to pages and sections that there are', () => {
    const dead = PAGES.flatMap(({ name: page, text }) =>
      [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)]
        .map(([, target]) => target!)
        .filter((target) => !isThere(page, target))
        .map((target) => `${page}: ${target}`),
    );

    expect(dead).toEqual([]);
  });
});

function isThere(page: string, target: string): boolean {
  const [file = '', section] = target.split('#');
  const path = file === '' ? join(ROOT, page) : join(ROOT, dirname(page), file);
  if (!existsSync(path)) return false;
  if (section === undefined) return true;
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm);
  return [...headings].some(([, heading]) => slug(heading!) === section);
}

/** As GitHub names the anchor of a heading. */
const slug = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
