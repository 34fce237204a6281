import * as fc from 'fast-check';
import { crc32, gzipSync } from 'node:zlib';

/** How a file is compressed: members, optional fields of their headers, and what follows them. */
export interface GzipWrap {
  readonly level: number;
  /** Shares of the content at which a new member begins. */
  readonly splits: readonly number[];
  /** Flags of RFC 1952: FHCRC 2, FEXTRA 4, FNAME 8, FCOMMENT 16. */
  readonly flags: number;
  /** Zeros after the last member. */
  readonly padding: number;
  readonly tail: 'none' | 'junk' | 'member' | 'same';
}

/** Mostly what tools write; now and then what only the standard allows, or what it does not. */
export const gzipWrap: fc.Arbitrary<GzipWrap> = fc.record({
  level: fc.integer({ min: 0, max: 9 }),
  splits: fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 }),
    },
  ),
  flags: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.nat(15).map((bits) => bits << 1) },
  ),
  padding: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 2000 }) },
    { weight: 1, arbitrary: fc.constantFrom(2 ** 16, 2 ** 20, 3 * 2 ** 20) },
  ),
  tail: fc.oneof(
    { weight: 12, arbitrary: fc.constant('none' as const) },
    { weight: 1, arbitrary: fc.constantFrom('junk' as const, 'member' as const, 'same' as const) },
  ),
});

/** `content` compressed as told. */
export function wrapped(content: Buffer, wrap: GzipWrap): Buffer {
  const cuts = [0, ...wrap.splits.map((share) => Math.floor(share * content.length)).sort((a, b) => a - b)];
  const members = cuts.map((from, at) => member(content.subarray(from, cuts[at + 1]), wrap));
  const all = Buffer.concat(members);
  const tail = {
    none: Buffer.alloc(0),
    junk: Buffer.from('junk'),
    member: gzipSync('more'),
    same: all,
  }[wrap.tail];
  return Buffer.concat([all, Buffer.alloc(wrap.padding), tail]);
}

function member(content: Buffer, { level, flags }: GzipWrap): Buffer {
  const plain = gzipSync(content, { level });
  if (flags === 0) return plain;
  const head = Buffer.from(plain.subarray(0, 10));
  head[3] = flags;
  const parts = [
    head,
    flags & 4 ? Buffer.from('040041500000', 'hex') : Buffer.alloc(0),
    flags & 8 ? Buffer.from('scan.nii\0') : Buffer.alloc(0),
    flags & 16 ? Buffer.from('a comment\0') : Buffer.alloc(0),
  ];
  const sum = Buffer.alloc(flags & 2 ? 2 : 0);
  if (sum.length > 0) sum.writeUInt16LE(crc32(Buffer.concat(parts)) & 0xffff);
  return Buffer.concat([...parts, sum, plain.subarray(10)]);
}
