import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { collectGarbage } from '../../adapters/collect-garbage.ts';

it('collecting garbage gives back shared memory that nobody holds, and no other', async () => {
  const kept = new SharedArrayBuffer(2 ** 20);
  const refs = [new WeakRef(kept), new WeakRef(new SharedArrayBuffer(2 ** 20))];
  // A WeakRef holds what it was made of until the turn is over.
  await setImmediate();
  collectGarbage();

  expect(refs.map((ref) => ref.deref()?.byteLength)).toEqual([kept.byteLength, undefined]);
});
