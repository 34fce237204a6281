import { describe, expect, it } from 'vitest';
import { shrinkBuffer } from '../../../core/volume/shrink-buffer.ts';

describe.each(['with', 'without'])('a runtime %s ArrayBuffer.prototype.transfer', (kind) => {
  it.each([0, 3, 8])('keeps the first %i bytes', (bytes) => {
    const { buffer } = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    if (kind === 'without') Object.defineProperty(buffer, 'transfer', { value: undefined });

    expect([...new Uint8Array(shrinkBuffer(buffer, bytes))]).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].slice(0, bytes),
    );
  });
});
