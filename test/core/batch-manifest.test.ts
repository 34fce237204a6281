import { describe, expect, it } from 'vitest';
import { parseManifest } from '../../core/batch-manifest.ts';

const bytes = (document: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(document));
const CASE = { uploadId: 'u-0123456789abcdef', name: 'one' };

describe('the manifest of a batch', () => {
  it('names the uploads of its cases', () => {
    expect(parseManifest(bytes({ cases: [CASE] }))).toEqual({ cases: [CASE] });
  });

  // The sentence stands in the history of the execution and in the log of the function.
  it.each([
    ['a field', { cases: [CASE], 'Erika Mustermann': 1 }],
    ['a field of a case', { cases: [{ ...CASE, 'Erika Mustermann': 1 }] }],
    ['an id', { cases: [{ ...CASE, uploadId: 'Erika Mustermann' }] }],
    ['cases', { cases: 'Erika Mustermann' }],
  ])('is refused for %s of its own, which the refusal does not repeat', (_, document) => {
    const refusal = (() => {
      try {
        return parseManifest(bytes(document));
      } catch (thrown) {
        return thrown;
      }
    })();

    expect(refusal).toMatchObject({ code: 'ARCHIVE_UNREADABLE' });
    expect((refusal as Error).message).not.toContain('Mustermann');
  });

  it('is refused for an upload that comes twice', () => {
    expect(() => parseManifest(bytes({ cases: [CASE, { ...CASE, name: 'two' }] }))).toThrow(/more than once/);
  });
});
