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

/** From how many bytes of its own garbage on a thread does not wait for a pause to collect it. */
const URGENT_BYTES = 4 * WORTH_COLLECTING_BYTES;
/** A thread without an order for so long has a pause, ms; orders on the same volumes follow each other at once. */
const PAUSE_MS = 20;
let collection: NodeJS.Timeout | undefined;

async function take(order: ComputeOrder): Promise<void> {
  clearTimeout(collection);
  const takesMuch = sharedBytes(order.input) >= WORTH_COLLECTING_BYTES;
  const said = await answer(order);
  const left = getHeapStatistics().external_memory;
  parentPort?.postMessage(said, transferable(said));
  // The order itself is reachable until this turn is over.
  if (left >= URGENT_BYTES) setImmediate(collectGarbage);
  else if (takesMuch || left >= WORTH_COLLECTING_BYTES) collection = setTimeout(collectGarbage, PAUSE_MS);
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
