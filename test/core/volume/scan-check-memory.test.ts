import { describe, expect, test } from 'vitest';
import { niftiDatatype } from '../../../core/volume/nifti-datatypes.ts';
import { encodeNiftiHeader } from '../../../core/volume/nifti-encode.ts';
import { parseNiftiHeader } from '../../../core/volume/nifti-header.ts';
import { checkScan, type ScanCheckOptions } from '../../../core/volume/scan-check.ts';
import type { Affine, Dims } from '../../../core/volume/volume.ts';

const DIMS: Dims = [60, 50, 40];
const AFFINE: Affine = [-2.5, 0, 0, 70, 0, 2.5, 0, -60, 0, 0, 3, 0, 0, 0, 0, 1];
const header = parseNiftiHeader(
  Buffer.from(encodeNiftiHeader({ dims: DIMS, affine: AFFINE }, niftiDatatype(4)!)),
);

describe('the memory that a CT needs', () => {
  const withNeed = (bytes: number): ReturnType<typeof checkScan> => {
    const memory: ScanCheckOptions['memory'] = {
      needed: { small: () => 1e6, large: (grid) => bytes * (grid.dims[0] / DIMS[0]) },
      presentBytes: 16e9,
    };
    return checkScan(header, { memory });
  };

  test('that is there is no matter', () => {
    expect(withNeed(12e9)).toMatchObject({ fit: true, problems: [], warnings: [] });
    expect(withNeed(12e9).facts.memoryNeeded).toEqual({ small: 1e6, large: 12e9 });
  });

  test('that is nearly used up gives a warning', () => {
    expect(withNeed(13e9)).toMatchObject({
      fit: true,
      problems: [],
      warnings: [{ code: 'CT_EXCEEDS_MEMORY' }],
    });
  });

  const withCase = (forCase: number, large: number): ReturnType<typeof checkScan> =>
    checkScan(header, {
      memory: {
        needed: { small: () => 1e6, large: () => large },
        neededForCase: () => forCase,
        presentBytes: 16e9,
      },
    });

  test('that is there for each model but not for the whole case refuses the CT', () => {
    const { fit, problems } = withCase(17e9, 12e9);

    expect(fit).toBe(false);
    expect(problems).toMatchObject([
      { code: 'CT_EXCEEDS_MEMORY', details: { model: 'small + large', needed: 17e9, present: 16e9 } },
    ]);
    expect(problems[0]!.message).toContain('The case (small + large) needs about 17.0 GB');
  });

  test('is said once: of the model that is too much alone, else of the whole case', () => {
    expect(withCase(19e9, 18e9).problems).toMatchObject([{ details: { model: 'large', needed: 18e9 } }]);
    expect(withCase(14e9, 13e9).warnings).toMatchObject([
      { details: { model: 'small + large', needed: 14e9 } },
    ]);
  });

  test('that is not there refuses the CT and names the model', () => {
    const { fit, problems } = withNeed(17e9);

    expect(fit).toBe(false);
    expect(problems).toMatchObject([
      { code: 'CT_EXCEEDS_MEMORY', details: { model: 'large', needed: 17e9, present: 16e9 } },
    ]);
  });
});
