import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { runProcess, type Environment } from '../../adapters/run-process.ts';
import { HpbError } from '../../core/errors.ts';

/** A failed step of the rehearsal. */
export function rehearsalError(message: string, remedy: string): HpbError {
  return new HpbError('UNEXPECTED', message, { remedy });
}

/** Runs a command below others in priority and gives what it printed. Throws with its last lines when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  environment: Environment,
): Promise<string> {
  const result = await attempt(command, args, environment);
  if (result.exitCode === 0) return result.stdout.trim();
  throw rehearsalError(
    `${command} ${args.slice(0, 3).join(' ')} ended with ${result.exitCode}:\n${result.tail.slice(-15).join('\n')}`,
    'See its last lines above.',
  );
}

/** The same for a command that may fail. */
export async function attempt(
  command: string,
  args: readonly string[],
  environment: Environment,
): Promise<{ readonly exitCode: number | null; readonly stdout: string; readonly tail: readonly string[] }> {
  return runProcess({ command: 'nice', args: [command, ...args], environment });
}

/** A process that runs beside the rehearsal; what it prints goes to a file. */
export interface Companion {
  readonly stop: () => Promise<void>;
}

/** Starts one, in a process group of its own so that all of it ends with `stop`. */
export function companion(
  command: string,
  args: readonly string[],
  { environment, log }: { readonly environment: Environment; readonly log: string },
): Companion {
  const out = openSync(log, 'w');
  const child = spawn(command, [...args], {
    env: { ...environment },
    stdio: ['pipe', out, out],
    detached: true,
  });
  closeSync(out);
  return { stop: () => stopped(child) };
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  // The emulators end when their stdin does, podman by the signal.
  child.stdin?.end();
  try {
    process.kill(-child.pid, 'SIGTERM');
  } catch {
    // It has ended meanwhile.
  }
  await ended;
}
