import { COMMAND_EXIT, ERROR_CODES, WORKER_EXIT } from '../../core/errors.ts';
import { code, page, table } from './markdown.ts';

/** docs/reference/error-codes.md: the closed list of codes and all exit codes, from core/errors.ts. */
export function errorCodesPage(): string {
  const codes = Object.entries(ERROR_CODES);
  return page(
    'Error codes and exit codes',
    'Every failure carries one code of this list, a sentence with the value received, and a remedy. ' +
      '`blame` says who has to act: the caller who sent the input, ops who run the service, or we (system). ' +
      'The code is also the error name in Step Functions.',
    table(
      ['code', 'blame', 'retry', 'HTTP status', 'exit code of `hpb`'],
      codes.map(([name, { blame, retryable, status, exit }]) => [
        code(name),
        blame,
        retryable ? 'yes' : 'no',
        status,
        exit,
      ]),
    ),
    '## Exit codes of `hpb`',
    'A command over several cases exits 0 when all are ok, 3 when some failed, 4 when all failed; when all failed ' +
      'for reasons with one and the same exit code, with that one.',
    table(
      ['exit code', 'meaning'],
      [...commandExits(codes)]
        .sort(([a], [b]) => a - b)
        .map(([exit, meanings]) => [exit, meaningsText(exit, meanings)]),
    ),
    '## Exit codes of the worker',
    'Read by the retry rules of AWS Batch. What became of each case stands in its result.json.',
    table(
      ['exit code', 'meaning'],
      Object.entries(WORKER_EXIT).map(([name, exit]) => [exit, words(name)]),
    ),
  );
}

function commandExits(codes: readonly [string, { readonly exit: number }][]): Map<number, string[]> {
  const meanings = new Map<number, string[]>();
  const add = (exit: number, meaning: string): void =>
    void meanings.set(exit, [...(meanings.get(exit) ?? []), meaning]);
  for (const [name, exit] of Object.entries(COMMAND_EXIT)) add(exit, words(name));
  for (const [name, { exit }] of codes) add(exit, code(name));
  return meanings;
}

/** Exit code 2 stands for every fault of an input: too many codes to repeat. */
function meaningsText(exit: number, meanings: readonly string[]): string {
  return meanings.length > 10
    ? `${meanings[0]}, and the ${meanings.length - 1} codes above with exit code ${exit}`
    : meanings.join(', ');
}

/** `shardUnreadable` -> `shard unreadable`. */
const words = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
