/**
 * The first `bytes` of a buffer, which must not be used any more: without a copy where the runtime can (Node 22 and
 * later, memory that is not shared), else as a copy.
 */
export function shrinkBuffer<B extends ArrayBufferLike>(buffer: B, bytes: number): B {
  const own = buffer instanceof ArrayBuffer && typeof buffer.transfer === 'function';
  return (own ? buffer.transfer(bytes) : buffer.slice(0, bytes)) as B;
}
