import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HpbError } from '../../../core/errors.ts';
import { PACKED_CT, PLAIN_CT, tarGzOf, tarOf, zipOf, type TarPart } from '../../fixtures/bad-archives.ts';
import { intakeBench, outcomes } from '../../fixtures/intake.ts';

const PACKERS = {
  stored: async (parts: readonly TarPart[]) => zipOf(parts),
  deflated: async (parts: readonly TarPart[]) => zipOf(parts.map((part) => ({ ...part, deflate: true }))),
  tar: tarOf,
  'tar.gz': tarGzOf,
} as const;
const packer = fc.constantFrom(...(Object.keys(PACKERS) as (keyof typeof PACKERS)[]));

describe('archives of any shape', () => {
  it('give exactly the cases that were put in, with the same ids in whatever order and format they come', async () => {
    const name = fc.stringMatching(/^[a-z0-9 _-]{1,8}$/).filter((text) => text.trim() === text);
    const cases = fc.uniqueArray(name, { minLength: 1, maxLength: 6 });
    const layout = fc.constantFrom('x/raw.nii.gz', 'x/raw_0000.nii', 'w/x/raw.nii.gz', 'x.nii.gz');
    const shuffled = cases.chain((names) =>
      fc.tuple(fc.constant(names), fc.shuffledSubarray(names, { minLength: names.length })),
    );

    await fc.assert(
      fc.asyncProperty(shuffled, layout, packer, packer, async ([names, other], path, a, b) => {
        fc.pre(names.every((text) => !text.endsWith('_0000')));
        const parts = (list: readonly string[]): TarPart[] =>
          list.map((text) => ({
            name: path.replace('x', text),
            content: path.endsWith('gz') ? PACKED_CT : PLAIN_CT,
          }));
        const bench = intakeBench();

        const first = await bench.take(await PACKERS[a](parts(names)));
        const second = await bench.take(await PACKERS[b](parts(other)));

        expect(outcomes(first).toSorted()).toEqual(names.toSorted());
        expect(second.cases).toEqual(first.cases);
      }),
      { numRuns: 40 },
    );
  });

  it('end, when their bytes are damaged anywhere, in a report or an error with a code, and leave nothing', async () => {
    const change = fc.oneof(
      fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255) }),
      // Where the directories are.
      fc.record({ at: fc.double({ min: 0.8, max: 1, noNaN: true }), byte: fc.constantFrom(0, 255) }),
    );
    const cut = fc.option(fc.double({ min: 0, max: 1, noNaN: true }));
    const bench = intakeBench();

    await fc.assert(
      fc.asyncProperty(packer, fc.array(change, { maxLength: 4 }), cut, async (format, changes, end) => {
        const bytes = await PACKERS[format](PARTS);
        for (const { at, byte } of changes) bytes[Math.floor(at * (bytes.length - 1))] = byte;
        const damaged = end === null ? bytes : bytes.subarray(0, Math.floor(end * bytes.length));

        const outcome: unknown = await bench.take(damaged).catch((error: unknown) => error);

        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(HpbError);
        expect(outcome).not.toMatchObject({ code: 'UNEXPECTED' });
        expect(bench.leftovers()).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('cannot name more bytes than there are', async () => {
    const bench = intakeBench();
    const junk = fc.uint8Array({ minLength: 0, maxLength: 2000 });
    const magic = fc.constantFrom('504b0304', '504b0506', '1f8b08', '', '5c0100006e2b3100');

    await fc.assert(
      fc.asyncProperty(magic, junk, async (start, rest) => {
        const bytes = Buffer.concat([Buffer.from(start, 'hex'), rest]);

        await expect(bench.take(bytes)).rejects.toMatchObject({
          code: expect.stringMatching(/^ARCHIVE_(UNREADABLE|NO_CASES)$/),
        });
      }),
      { numRuns: 150 },
    );
  });
});

const PARTS: readonly TarPart[] = [
  { name: 'a/raw.nii.gz', content: PACKED_CT },
  { name: 'b/raw.nii', content: PLAIN_CT },
  { name: `${'long'.repeat(40)}/raw.nii.gz`, content: PACKED_CT },
];
