import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CommanderError } from 'commander';
import { asHpbError, COMMAND_EXIT, ERROR_CODES, HpbError } from '../core/errors.ts';
import { createContext, type CommandContext } from './context.ts';
import { outputError } from '../adapters/file-error.ts';
import { errorText, jsonLine } from '../local/text.ts';
import { buildProgram } from './program.ts';

/** Gives a terminal back what a progress bar has taken while it is shown. */
const CURSOR_AND_WRAP = '\u001b[?25h\u001b[?7h';

/**
 * Runs the `hpb` command and sets the exit code of the process. The first Ctrl-C or SIGTERM aborts the running
 * command, which then cleans up; the second ends the process at once. The end of the terminal aborts it too, unless
 * nothing is written there, as under nohup.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const cancel = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (cancel.signal.aborted) {
        if (process.stderr.isTTY) process.stderr.write(CURSOR_AND_WRAP);
        process.exit(COMMAND_EXIT.cancelled);
      }
      cancel.abort();
    });
  }
  // Node undoes nohup's ignoring. The shell and the system may both send it: the second one ends nothing.
  process.on('SIGHUP', () => {
    if (process.stdout.isTTY || process.stderr.isTTY) cancel.abort();
  });
  let unwritten: NodeJS.ErrnoException | null = null;
  // A reader that goes away (`hpb … | head`) is no error of ours, and progress that nobody can see ends no run.
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') unwritten = error;
  });
  const context = createContext(process, fileURLToPath(new URL('..', import.meta.url)), cancel.signal);
  const exitCode = await runCommand(argv, context);
  // By then the last write has failed, if it does.
  await setImmediate();
  process.exitCode =
    unwritten === null || exitCode !== COMMAND_EXIT.ok
      ? exitCode
      : reportFailure(outputError(unwritten), context, false);
}

/** Runs a command line over a context, failures told to its reader. Returns the exit code. */
export async function runCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  try {
    await buildProgram(context).parseAsync(argv);
    return context.exitCode;
  } catch (thrown) {
    return reportFailure(thrown, context, argv.includes('--json'));
  }
}

function reportFailure(thrown: unknown, { stdout, stderr }: CommandContext, json: boolean): number {
  const usage = thrown instanceof CommanderError ? thrown : null;
  if (usage?.exitCode === 0) return COMMAND_EXIT.ok;
  const error = usage === null ? asHpbError(thrown) : usageError(usage);
  if (json) stdout.write(jsonLine({ event: 'error', error: error.toDocument() }));
  // Wrong usage commander has told on stderr already.
  else if (usage === null) stderr.write(`hpb: ${errorText(error)}\n`);
  return ERROR_CODES[error.code].exit;
}

function usageError({ message }: CommanderError): HpbError {
  return new HpbError('USAGE', message.replace(/^error: /, ''), {
    remedy: 'Run the command with --help for what it takes.',
  });
}
