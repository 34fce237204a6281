/** Gives back what was taken; calling it again does nothing. */
export type Release = () => void;

/** Lets so many at a time go on; the others wait, first come, first served. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async take(): Promise<Release> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return once(() => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    });
  }
}

/** Makes `release` safe to be called again. */
export function once(release: () => void): Release {
  let released = false;
  return () => {
    if (released) return;
    released = true;
    release();
  };
}
