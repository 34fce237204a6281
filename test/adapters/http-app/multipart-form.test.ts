import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { receiveForm } from '../../../adapters/http-app/multipart-form.ts';
import { HpbError } from '../../../core/errors.ts';
import type { ObjectFacts } from '../../../core/ports.ts';

const BOUNDARY = 'x-boundary';
const TYPE = `multipart/form-data; boundary=${BOUNDARY}`;
const END = `--${BOUNDARY}--\r\n`;

function part(name: string, value: Uint8Array | string, fileName?: string): Buffer {
  const file = fileName === undefined ? '' : `; filename="${fileName}"`;
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(value), Buffer.from('\r\n')]);
}

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** A store that keeps what comes, and forgets it when the stream fails. */
function keeper() {
  const kept: { bytes: Buffer | null } = { bytes: null };
  const store = async (chunks: AsyncIterable<Uint8Array>): Promise<ObjectFacts> => {
    kept.bytes = Buffer.concat(await Array.fromAsync(chunks));
    return { key: 'k', bytes: kept.bytes.length, tag: 't', modifiedAt: 0 };
  };
  return { kept, wanted: { field: 'ct', store } };
}

describe('a form', () => {
  it('gives file and fields back whatever bytes are in the file and however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 3_000 }),
        fc.integer({ min: 1, max: 400 }),
        fc.boolean(),
        async (file, size, fieldFirst) => {
          const { kept, wanted } = keeper();
          const parts = [part('ct', file, 'dir/a.nii.gz'), part('fast', 'true')];
          const bytes = Buffer.concat([...(fieldFirst ? parts.toReversed() : parts), Buffer.from(END)]);

          const form = await receiveForm(TYPE, inChunks(bytes, size), wanted);

          expect(kept.bytes).toEqual(Buffer.from(file));
          expect(form).toMatchObject({ fileName: 'a.nii.gz', fields: { fast: 'true' } });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('that is cut off anywhere is refused with our error, and never hangs', async () => {
    const whole = Buffer.concat([
      part('ct', 'v'.repeat(300), 'a.nii.gz'),
      part('fast', '1'),
      Buffer.from(END),
    ]);

    for (let length = 0; length < whole.length - END.length; length += 7) {
      const cut = inChunks(whole.subarray(0, length), 64);
      const outcome = receiveForm(TYPE, cut, keeper().wanted);

      await expect(outcome, `cut at ${length}`).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    }
  });

  it.each<[string, Buffer[]]>([
    ['no file', [part('fast', '1')]],
    ['a text where the file should be', [part('ct', 'x')]],
    ['another file', [part('other', 'x', 'a')]],
    ['two files', [part('ct', 'x', 'a'), part('ct', 'y', 'b')]],
    ['a field twice', [part('fast', '1'), part('fast', '0'), part('ct', 'x', 'a')]],
    ['a long field', [part('fast', 'x'.repeat(5_000)), part('ct', 'x', 'a')]],
    ['many fields', Array.from({ length: 40 }, (_, n) => part(`f${n}`, '1'))],
  ])('with %s is refused', async (_what, parts) => {
    const bytes = Buffer.concat([...parts, Buffer.from(END)]);

    const outcome = receiveForm(TYPE, inChunks(bytes, 100), keeper().wanted);

    await expect(outcome).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  it('with two files says so', async () => {
    const parts = [part('ct', 'x', 'a'), part('ct', 'y', 'b'), Buffer.from(END)];

    const outcome = receiveForm(TYPE, inChunks(Buffer.concat(parts), 100), keeper().wanted);

    await expect(outcome).rejects.toMatchObject({
      message: 'The form has more than one file; a call takes one.',
    });
  });

  it('without a boundary is refused', async () => {
    const outcome = receiveForm('multipart/form-data', inChunks(Buffer.from(END), 9), keeper().wanted);

    await expect(outcome).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  it('whose store fails ends with the error of the store, though bytes still come', async () => {
    const full = new HpbError('DISK_FULL', 'No space.', { remedy: 'Free some.' });
    const store = async (chunks: AsyncIterable<Uint8Array>): Promise<ObjectFacts> => {
      for await (const chunk of chunks) if (chunk.length > 0) throw full;
      throw new Error('no bytes came');
    };
    const bytes = Buffer.concat([part('ct', Buffer.alloc(2_000_000), 'a'), Buffer.from(END)]);

    const outcome = receiveForm(TYPE, inChunks(bytes, 10_000), { field: 'ct', store });

    await expect(outcome).rejects.toBe(full);
  });

  it('whose sender breaks off makes the store fail too', async () => {
    const { kept, wanted } = keeper();
    const late = new HpbError('REQUEST_TOO_SLOW', 'Too slow.', { remedy: 'Again.' });
    async function* body(): AsyncGenerator<Buffer> {
      yield part('ct', 'v'.repeat(1_000), 'a').subarray(0, 500);
      throw late;
    }

    await expect(receiveForm(TYPE, body(), wanted)).rejects.toBe(late);

    expect(kept.bytes).toBeNull();
  });
});
