import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounded, stableJson } from '../../../core/results/stable-json.ts';

describe('stableJson', () => {
  it('keeps the order of keys and puts plain arrays on one line', () => {
    const text = stableJson({ b: 1, a: [1, 2, null], empty: {}, none: [], list: [{ x: 'y"' }] });

    expect(text).toBe(
      '{\n  "b": 1,\n  "a": [1, 2, null],\n  "empty": {},\n  "none": [],\n  "list": [\n    {\n      "x": "y\\""\n    }\n  ]\n}\n',
    );
  });

  it('says what JSON says, for any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(stableJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('refuses NaN and infinity instead of writing null', () => {
    expect(() => stableJson({ deep: [NaN] })).toThrow(expect.objectContaining({ code: 'UNEXPECTED' }));
    expect(() => stableJson(-Infinity)).toThrow('Infinity');
  });
});

describe('rounded', () => {
  it('rounds to decimals and never gives -0', () => {
    expect(rounded(1.2345, 3)).toBe(1.235);
    expect(rounded(-1024.004, 2)).toBe(-1024);
    expect(Object.is(rounded(-0.0004, 3), 0)).toBe(true);
  });
});
