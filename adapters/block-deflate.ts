import { constants, createDeflate, type Deflate } from 'node:zlib';
import { shrinkBuffer } from '../core/volume/shrink-buffer.ts';

/**
 * Compresses block after block, each as a zlib stream of its own (RFC 1950), on Node's own threads. The states and
 * buffers of zlib are used again: `zlib.deflate` leaves a megabyte for the collector at every block, which then runs all
 * the time.
 */
export class BlockDeflate {
  readonly #level: number;
  readonly #chunkSize: number;
  readonly #idle: Deflate[] = [];

  /**
   * @param level 1 to 9
   * @param blockBytes size of a usual block; Node comes back to the main thread for every `blockBytes` compressed
   */
  constructor(level: number, blockBytes: number) {
    this.#level = level;
    this.#chunkSize = Math.max(constants.Z_MIN_CHUNK, blockBytes);
  }

  /** The pieces of a compressed block; blocks may be compressed at the same time. */
  async deflate(bytes: Uint8Array): Promise<readonly Uint8Array[]> {
    const state = this.#idle.pop() ?? this.#start();
    const pieces = await compressed(state, bytes);
    state.reset();
    this.#idle.push(state);
    return pieces;
  }

  /**
   * Gives back the memory of a piece that nobody needs any more, when those before it are not needed either: the
   * pieces of several blocks may share a buffer, and only the one that fills it tells that no more will come.
   */
  release({ buffer, byteOffset, byteLength }: Uint8Array): void {
    const isLast = byteOffset + byteLength === this.#chunkSize && buffer.byteLength === this.#chunkSize;
    if (isLast) shrinkBuffer(buffer, 0);
  }

  /** Frees what zlib holds. */
  close(): void {
    for (const state of this.#idle.splice(0)) state.close();
  }

  #start(): Deflate {
    return createDeflate({ level: this.#level, chunkSize: this.#chunkSize, flush: constants.Z_FINISH });
  }
}

function compressed(state: Deflate, bytes: Uint8Array): Promise<readonly Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    const take = (piece: Uint8Array): void => void pieces.push(piece);
    state.on('data', take).once('error', reject);
    state.write(bytes, () => {
      state.off('data', take).off('error', reject);
      resolve(pieces);
    });
  });
}
