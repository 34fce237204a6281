import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** From how many bytes on that nobody needs any more a collection, some 20 ms, is worth its time. */
export const WORTH_COLLECTING_BYTES = 2 ** 25;

let collect: (() => void) | null = null;

/**
 * Gives the memory of volumes that nobody holds any more back now. The collector has an eye on the objects, which are
 * tiny: of buffers that threads share it lets several cases' pile up, in each thread for itself.
 */
export function collectGarbage(): void {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}

/** By how much a heap grows from one full collection to the next, percent of what was left: V8's own is some 40. */
const GROWTH_PERCENT = 200;

/**
 * Has V8 collect less often, in all threads of the process: it counts buffers like objects, so that threads whose heaps
 * are small would mark all of them anew at every second case, a quarter of all that small cases cost. Costs 60 MB;
 * volumes are given back by `collectGarbage` all the same.
 */
export function collectSeldom(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
