import * as fc from 'fast-check';

/** Where in a file: a share of its length, or a distance from its start or its end. */
export interface Spot {
  readonly from: 'share' | 'start' | 'end';
  readonly distance: number;
}

/** What happens to a file on its way. */
export type Damage =
  | { readonly kind: 'flip'; readonly at: Spot; readonly bit: number }
  | { readonly kind: 'set'; readonly at: Spot; readonly byte: number }
  | { readonly kind: 'cut'; readonly at: Spot }
  | { readonly kind: 'drop'; readonly at: Spot; readonly count: number }
  | { readonly kind: 'insert'; readonly at: Spot; readonly bytes: Uint8Array }
  | { readonly kind: 'repeat'; readonly at: Spot; readonly count: number };

/** Spots of which a third are near the start and a third near the end, where headers and directories are. */
const spot: fc.Arbitrary<Spot> = fc.oneof(
  fc.record({
    from: fc.constant('share' as const),
    distance: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  }),
  fc.record({ from: fc.constant('start' as const), distance: fc.nat(600) }),
  fc.record({ from: fc.constant('end' as const), distance: fc.nat(120) }),
);

/** One act of damage. */
export const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flip' as const), at: spot, bit: fc.nat(7) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      at: spot,
      byte: fc.constantFrom(0, 1, 2, 0x1f, 0x7f, 0x80, 0xff),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: spot }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('drop' as const),
      at: spot,
      count: fc.integer({ min: 1, max: 64 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('insert' as const),
      at: spot,
      bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('repeat' as const),
      at: spot,
      count: fc.integer({ min: 1, max: 600 }),
    }),
  },
);

/** The file after all that happened to it, one act after the other. */
export function damaged(file: Buffer, acts: readonly Damage[]): Buffer {
  return acts.reduce(after, Buffer.from(file));
}

function after(file: Buffer, act: Damage): Buffer {
  const at = placeOf(act.at, file.length);
  const parts = (middle: Uint8Array, resume: number): Buffer =>
    Buffer.concat([file.subarray(0, at), middle, file.subarray(resume)]);
  switch (act.kind) {
    case 'flip':
      return parts(Buffer.from([(file[at] ?? 0) ^ (1 << act.bit)]), at + 1);
    case 'set':
      return parts(Buffer.from([act.byte]), at + 1);
    case 'cut':
      return file.subarray(0, at);
    case 'drop':
      return parts(Buffer.alloc(0), at + act.count);
    case 'insert':
      return parts(act.bytes, at);
    case 'repeat':
      return parts(file.subarray(at, at + act.count), at);
  }
}

function placeOf({ from, distance }: Spot, length: number): number {
  const place = { share: Math.floor(distance * length), start: distance, end: length - 1 - distance }[from];
  return Math.min(Math.max(0, place), Math.max(0, length - 1));
}
