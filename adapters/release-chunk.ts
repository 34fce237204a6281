import { shrinkBuffer } from '../core/volume/shrink-buffer.ts';

/**
 * Gives the memory of a chunk that nobody needs any more back now: the collector would let 80 MB of them pile up. Only
 * a chunk that is all of its buffer, for what gave it may have given parts of another to several.
 */
export function releaseChunk({ buffer, byteLength }: Uint8Array): void {
  if (byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) shrinkBuffer(buffer, 0);
}
