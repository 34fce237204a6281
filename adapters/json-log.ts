import type { LogEvent } from '../core/events.ts';
import type { Clock, Log, LogFields } from '../core/ports.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

export interface JsonLogOptions {
  /** Least severe level that is written. */
  readonly level: Level;
  /** Takes one line, newline included. */
  readonly write: (line: string) => void;
  readonly clock: Pick<Clock, 'now'>;
  /** Part of every line, such as the job. */
  readonly fields?: LogFields;
}

/** A log of JSON lines: `{"time", "level", "event", ...fields}`. */
export function jsonLog({ level, write, clock, fields = {} }: JsonLogOptions): Log {
  const at =
    (of: Level) =>
    (event: LogEvent, more: LogFields = {}): void => {
      if (LEVELS.indexOf(of) < LEVELS.indexOf(level)) return;
      const time = new Date(clock.now()).toISOString();
      write(`${JSON.stringify({ time, level: of, event, ...fields, ...more })}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
