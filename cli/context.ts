import { machinePaths, type MachinePaths } from '../adapters/machine-paths.ts';
import { parseSettings, type Settings } from '../core/settings.ts';

/** What every command gets: settings, where things are, where to write, and when to stop. */
export interface CommandContext {
  /**
   * The parsed environment.
   *
   * @throws HpbError SETTINGS_INVALID at the first read when a variable holds a wrong value.
   */
  readonly settings: Settings;
  /** Root of the checkout or of the installed package; `container/engine` lies below it. */
  readonly packageRoot: string;
  /** Where things lie on this machine, by the settings. */
  readonly paths: MachinePaths;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Results for people and pipes go to `stdout`, progress and messages to `stderr`. */
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Exit code of the process; set by the command that ran. */
  exitCode: number;
}

/** A context over the given process; the environment is parsed when a command first asks for it. */
export function createContext(
  process: Pick<NodeJS.Process, 'stdout' | 'stderr' | 'env'>,
  packageRoot: string,
  signal: AbortSignal,
): CommandContext {
  let settings: Settings | undefined;
  return {
    get settings() {
      settings ??= parseSettings(process.env);
      return settings;
    },
    packageRoot,
    get paths() {
      return machinePaths(this.settings, packageRoot);
    },
    // oxlint-disable-next-line node/no-process-env -- the entry point hands its environment in here
    environment: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    signal,
    exitCode: 0,
  };
}
