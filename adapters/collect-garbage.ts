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
