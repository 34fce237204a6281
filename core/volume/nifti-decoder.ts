import { HpbError } from '../errors.ts';
import { FOREIGN_HEAD_BYTES, foreignFile } from './nifti-foreign.ts';
import {
  DEFAULT_NIFTI_LIMITS,
  parseNiftiHeader,
  type NiftiHeader,
  type NiftiLimits,
} from './nifti-header.ts';
import { NIFTI_SIGNATURE_BYTES, niftiSignature } from './nifti-raw-header.ts';
import { voxelsFromBytes } from './nifti-voxels.ts';
import type { Volume } from './volume.ts';

/** A volume read from a NIfTI file, with the header it came with. */
export interface NiftiVolume extends Volume {
  readonly header: NiftiHeader;
}

export interface DecoderOptions {
  readonly limits?: NiftiLimits;
  /** Most bytes that can still come, if known; a header that promises more is refused before any allocation. */
  readonly mostBytes?: number;
  /** Stop at the header: nothing is allocated and `finish` must not be called once `sated`. */
  readonly headerOnly?: boolean;
  /** Put the voxels into memory that threads can share (`SharedArrayBuffer`). */
  readonly shared?: boolean;
}

/** How much beyond the promised voxels is counted before a decoder gives up: enough to tell junk from a bomb. */
const EXCESS_LIMIT = 64 * 1024;

/**
 * Reads a NIfTI file from its bytes as they come (already inflated). The voxels are allocated once, when the
 * header is complete and believed; every byte is then copied to its place.
 */
export class NiftiDecoder {
  readonly #options: DecoderOptions;
  #head = new Uint8Array(1024);
  #headBytes = 0;
  #header: NiftiHeader | null = null;
  #voxels: Uint8Array = new Uint8Array(0);
  /** Position in the stream. */
  #at = 0;

  constructor(options: DecoderOptions = {}) {
    this.#options = options;
  }

  /** The header, once enough bytes came; null before. */
  get header(): NiftiHeader | null {
    return this.#header;
  }

  /** Whether a decoder that was to read only the header has it. */
  get sated(): boolean {
    return this.#options.headerOnly === true && this.#header !== null;
  }

  /**
   * Takes the next bytes; they may be overwritten afterwards. Throws `HpbError` as soon as the file is known to
   * be bad: a `NIFTI_*` code, or `INPUT_IS_*` for another kind of file. A decoder that threw is dead.
   */
  push(chunk: Uint8Array): void {
    const header = this.#header ?? this.#pushHead(chunk);
    const start = this.#at;
    this.#at += chunk.length;
    if (header === null || this.sated) return;
    const target = start - header.voxOffset;
    const from = Math.max(0, -target);
    const room = header.voxelBytes - Math.max(0, target);
    if (room > 0 && from < chunk.length)
      this.#voxels.set(chunk.subarray(from, Math.min(chunk.length, from + room)), Math.max(0, target));
    if (this.#excess(header) > EXCESS_LIMIT) throw this.#trailing(header);
  }

  /** Ends the file. Throws `HpbError` when it is too short, too long, or its voxels cannot be represented. */
  finish(): NiftiVolume {
    // Without a header there are too few bytes for one, so this throws.
    const header = this.#header ?? this.#parse(this.#head.subarray(0, this.#headBytes));
    if (this.#excess(header) < 0) throw truncated(header, Math.max(0, this.#at - header.voxOffset));
    if (this.#excess(header) > 0) throw this.#trailing(header);
    const { grid, slope, intercept } = header;
    const data = voxelsFromBytes(this.#voxels.buffer, header.datatype, header.littleEndian);
    return { grid, data, slope, intercept, header };
  }

  #pushHead(chunk: Uint8Array): NiftiHeader | null {
    const taken = chunk.subarray(0, this.#head.length - this.#headBytes);
    this.#head.set(taken, this.#headBytes);
    this.#headBytes += taken.length;
    const head = this.#head.subarray(0, this.#headBytes);
    const wanted =
      head.length < NIFTI_SIGNATURE_BYTES
        ? NIFTI_SIGNATURE_BYTES
        : (niftiSignature(head)?.headerBytes ?? FOREIGN_HEAD_BYTES);
    if (head.length < wanted) return null;
    const header = this.#parse(head);
    const most = this.#options.mostBytes ?? Infinity;
    if (header.voxOffset + header.voxelBytes > most)
      throw truncated(header, Math.max(0, most - header.voxOffset));
    if (this.#options.headerOnly !== true) this.#voxels = this.#allocate(header.voxelBytes);
    this.#header = header;
    return header;
  }

  #allocate(bytes: number): Uint8Array {
    return new Uint8Array(
      this.#options.shared === true ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes),
    );
  }

  #parse(head: Uint8Array): NiftiHeader {
    const foreign = niftiSignature(head) === null ? foreignFile(head) : null;
    if (foreign !== null) throw foreign;
    return parseNiftiHeader(head, this.#options.limits ?? DEFAULT_NIFTI_LIMITS);
  }

  #excess(header: NiftiHeader): number {
    return this.#at - header.voxOffset - header.voxelBytes;
  }

  #trailing(header: NiftiHeader): HpbError {
    const excess = this.#excess(header);
    const size = excess > EXCESS_LIMIT ? `more than ${EXCESS_LIMIT}` : String(excess);
    return new HpbError(
      'NIFTI_TRAILING_DATA',
      `${size} bytes follow after the last voxel that the header promises.`,
      {
        remedy: 'The header does not belong to these voxels. Save the CT again with the tool that wrote it.',
        details: { promised: header.voxelBytes, excess: Math.min(excess, EXCESS_LIMIT) },
      },
    );
  }
}

const REPEAT = 'The file was cut short. Copy or upload it again and compare its size with the original.';

/** `NIFTI_TRUNCATED` with both numbers of bytes of voxels. */
function truncated(header: NiftiHeader, present: number): HpbError {
  return new HpbError(
    'NIFTI_TRUNCATED',
    `The header promises ${header.voxelBytes} bytes of voxels, but the file can hold only ${present}.`,
    { remedy: REPEAT, details: { promised: header.voxelBytes, present } },
  );
}
