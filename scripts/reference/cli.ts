import type { Argument, Command, Option } from 'commander';
import { code, page, table } from './markdown.ts';

/** docs/reference/cli.md: every command of a program with its arguments and options. */
export function cliPage(program: Command): string {
  return page(
    'Commands',
    program.description(),
    'Exit codes: [error-codes.md](error-codes.md). Environment variables: [settings.md](settings.md).',
    ...program.commands.flatMap((command) => sections(command, program.name())),
  );
}

function sections(command: Command, parent: string): string[] {
  const name = `${parent} ${command.name()}`;
  const own = command.commands.length > 0 ? [] : [code(`${name} ${command.usage()}`)];
  const options = command.options.filter(({ hidden }) => !hidden);
  return [
    `## ${name}`,
    command.description(),
    ...own,
    ...(command.registeredArguments.length === 0
      ? []
      : [table(['argument', 'meaning'], command.registeredArguments.map(argumentRow))]),
    ...(options.length === 0 ? [] : [table(['option', 'default', 'meaning'], options.map(optionRow))]),
    ...command.commands.flatMap((child) => sections(child, name)),
  ].filter((block) => block !== '');
}

function argumentRow(argument: Argument): string[] {
  return [code(argument.name()), argument.description + choices(argument.argChoices)];
}

function optionRow(option: Option): string[] {
  const { flags, description, argChoices, defaultValue } = option;
  const shown: unknown = option.defaultValueDescription ?? defaultValue;
  const standard = shown === undefined ? '' : code(typeof shown === 'string' ? shown : JSON.stringify(shown));
  return [code(flags), standard, description + choices(argChoices)];
}

function choices(values: readonly string[] | undefined): string {
  return values === undefined ? '' : ` (${values.map(code).join(', ')})`;
}
