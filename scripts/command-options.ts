import { readFileSync } from 'node:fs';
import { stderr, stdout } from 'node:process';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { HpbError } from '../core/errors.ts';

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T }>>['values'];

/**
 * Options of a command of this repository, by the command line of the process. `--help` prints the comment that opens the
 * command's `file`, and the process ends with 0; what the command does not take, or lacks of those `needed`, is said above
 * it, and it ends with 2.
 */
export function commandOptions<const T extends Options, N extends keyof T & string = never>(
  file: string,
  options: T,
  needed: readonly N[] = [],
): Values<T> & Readonly<Record<N, string>> {
  const [, ...args] = process.argv.slice(1);
  const help = helpOf(readFileSync(file, 'utf8'));
  if (args.includes('--help')) {
    stdout.write(help);
    process.exit(0);
  }
  try {
    const { values } = parseArgs({ args, options });
    const missing = needed.find((name) => (values as Record<string, unknown>)[name] === undefined);
    if (missing !== undefined)
      throw new HpbError('USAGE', `--${missing} is needed.`, { remedy: 'See --help.' });
    return values as Values<T> & Record<N, string>;
  } catch (thrown) {
    stderr.write(`${(thrown as Error).message}\n\n${help}`);
    process.exit(2);
  }
}

/** The first comment of a module, as text. */
export function helpOf(source: string): string {
  const [, comment = ''] = /\/\*\*([\s\S]*?)\*\//.exec(source) ?? [];
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\* ?/, '').trimEnd());
  return `${lines.join('\n').trim()}\n`;
}
