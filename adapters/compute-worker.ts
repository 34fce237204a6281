import { parentPort } from 'node:worker_threads';
import { asHpbError } from '../core/errors.ts';
import type { ComputeAnswer, ComputeOrder } from './compute-pool.ts';
import { COMPUTE_TASKS } from './compute-tasks.ts';

/** A thread of `ComputePool`: one order at a time, one answer to each. */
async function answer({ task, input }: ComputeOrder): Promise<ComputeAnswer> {
  try {
    const work = COMPUTE_TASKS[task] as (input: unknown) => unknown;
    return { output: await work(input) };
  } catch (thrown) {
    return { error: asHpbError(thrown).toDocument() };
  }
}

parentPort?.on('message', (order: ComputeOrder) => {
  void answer(order).then((said) => parentPort?.postMessage(said, transferable(said)));
});

/** Buffers of the answer, which this thread does not need any more: they move instead of being copied. */
function transferable(value: unknown, found: Set<ArrayBuffer> = new Set()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (value instanceof Map) {
    for (const item of value.values()) transferable(item, found);
  } else if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) transferable(item, found);
  }
  return [...found];
}
