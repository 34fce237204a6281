import { getHeapStatistics } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { asHpbError } from '../core/errors.ts';
import { collectGarbage, WORTH_COLLECTING_BYTES } from './collect-garbage.ts';
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

async function take(order: ComputeOrder): Promise<void> {
  const takesMuch = sharedBytes(order.input) >= WORTH_COLLECTING_BYTES;
  const said = await answer(order);
  const leavesMuch = getHeapStatistics().external_memory >= WORTH_COLLECTING_BYTES;
  parentPort?.postMessage(said, transferable(said));
  // The order itself is reachable until this turn is over.
  if (takesMuch || leavesMuch) setImmediate(collectGarbage);
}

parentPort?.on('message', (order: ComputeOrder) => void take(order));

/** Bytes of the shared memory that a value lies in. */
function sharedBytes(value: unknown, found: Set<ArrayBufferLike> = new Set()): number {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof SharedArrayBuffer) found.add(value.buffer);
  } else if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) sharedBytes(item, found);
  }
  return [...found].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

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
