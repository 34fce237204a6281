import { SingleBar } from 'cli-progress';
import { PROGRESS_BAR } from '../local/progress-bar.ts';
import { printable } from '../local/text.ts';

/** Shows how far something is: a bar on a terminal, otherwise a line when the words or ten percent have changed. */
export interface ProgressDisplay {
  /** `fraction` is 0 to 1. */
  update(fraction: number, words: string): void;
  /** Takes the bar away. May be called twice. */
  end(): void;
}

/** A display on `stderr` with a name before it. */
export function progressDisplay(stderr: NodeJS.WriteStream, name: string): ProgressDisplay {
  return (stderr.isTTY ? barDisplay : lineDisplay)(stderr, printable(name));
}

function barDisplay(stream: NodeJS.WriteStream, name: string): ProgressDisplay {
  let bar: SingleBar | null = null;
  return {
    update(fraction, words) {
      if (bar === null) {
        bar = new SingleBar({
          ...PROGRESS_BAR,
          format: '{name}  {bar} {percentage} %  {words}',
          stream,
        });
        bar.start(100, 0, { name, words });
      }
      bar.update(Math.floor(fraction * 100), { name, words });
    },
    end() {
      bar?.stop();
      bar = null;
    },
  };
}

function lineDisplay(stream: NodeJS.WriteStream, name: string): ProgressDisplay {
  let last = '';
  return {
    update(fraction, words) {
      const step = `${words} ${Math.floor(fraction * 10)}`;
      if (step === last) return;
      last = step;
      stream.write(`${name}: ${words} (${Math.floor(fraction * 100)} %)\n`);
    },
    end: () => undefined,
  };
}
