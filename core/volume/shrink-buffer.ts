/**
 * The first `bytes` of a buffer, which must not be used any more: without a copy where the runtime can (Node 22 and
 * later), else as a copy.
 */
export function shrinkBuffer(buffer: ArrayBuffer, bytes: number): ArrayBuffer {
  return typeof buffer.transfer === 'function' ? buffer.transfer(bytes) : buffer.slice(0, bytes);
}
