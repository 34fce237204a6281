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

const USUAL_COLUMNS = 80;
const NARROW_BAR = 8;
/** Of percents and words beside a bar. */
const WORDS_COLUMNS = 40;
const SHORTEST_NAME = 10;

/** Begin and end of a name that is longer than `columns`. */
function shortened(name: string, columns: number): string {
  const most = Math.max(SHORTEST_NAME, columns);
  if (name.length <= most) return name;
  const half = (most - 1) / 2;
  return `${name.slice(0, Math.ceil(half))}…${name.slice(-Math.floor(half))}`;
}

function barDisplay(stream: NodeJS.WriteStream, name: string): ProgressDisplay {
  let bar: SingleBar | null = null;
  return {
    update(fraction, words) {
      const room = stream.columns ?? USUAL_COLUMNS;
      const barsize = room < USUAL_COLUMNS ? NARROW_BAR : PROGRESS_BAR.barsize!;
      const shown = { name: shortened(name, room - barsize - WORDS_COLUMNS), words };
      if (bar === null) {
        bar = new SingleBar({
          ...PROGRESS_BAR,
          barsize,
          format: '{name}  {bar} {percentage} %  {words}',
          stream,
        });
        bar.start(100, 0, shown);
      }
      bar.update(Math.floor(fraction * 100), shown);
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
