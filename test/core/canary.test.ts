import { describe, expect, it } from 'vitest';
import { canaryPhantom, checkVolumes, phantomVolumes } from '../../core/canary.ts';

const found = (volumes: Readonly<Record<string, number>>) =>
  ({
    structures: Object.entries(volumes).map(([name, volumeMl]) => ({ name, volumeMl })),
  }) as unknown as Parameters<typeof checkVolumes>[0];

const expected = { structure: 'liver', ml: 1_000, tolerancePercent: 5 };

describe('volumes of a canary', () => {
  it.each([
    [1_000, true],
    [1_050, true],
    [950, true],
    [1_051, false],
    [949, false],
    [0, false],
  ])('of 1000 ml, found as %d ml within 5 %%: %s', (ml, ok) => {
    expect(checkVolumes(found({ liver: ml }), [expected])).toEqual([{ ...expected, foundMl: ml, ok }]);
  });

  it('that were not looked for are not ok', () => {
    expect(checkVolumes(found({ spleen: 1_000 }), [expected])).toEqual([
      { ...expected, foundMl: null, ok: false },
    ]);
  });

  it('of which none is expected must be none', () => {
    const none = { ...expected, ml: 0 };

    expect(checkVolumes(found({ liver: 0 }), [none])[0]!.ok).toBe(true);
    expect(checkVolumes(found({ liver: 0.1 }), [none])[0]!.ok).toBe(false);
  });

  it('are those of the synthetic CT, the liver with what lies in it', () => {
    const phantom = canaryPhantom();
    const [liver, vessels, tumours] = phantomVolumes(phantom);

    const ml = (name: string): number => phantom.structures.find((one) => one.name === name)!.voxelMl;
    expect(vessels).toMatchObject({ structure: 'hepatic_vessels', ml: ml('liver_vessels') });
    expect(tumours).toMatchObject({ structure: 'liver_tumors', ml: ml('liver_tumor') });
    expect(liver!.ml).toBeCloseTo(ml('liver') + vessels!.ml + tumours!.ml, 9);
    expect(tumours!.ml).toBeGreaterThan(0);
  });
});
