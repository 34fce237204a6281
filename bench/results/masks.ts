import type { PhantomLabel } from '../../core/volume/phantom/labels.ts';

/** Label in our mask by name in the phantom: eight structures of `totalseg`, two of `task008`. */
export const MASKS: Readonly<Record<string, Readonly<Partial<Record<PhantomLabel, number>>>>> = {
  totalseg: {
    liver: 5,
    liver_vessels: 5,
    liver_tumor: 5,
    spleen: 1,
    kidney_right: 2,
    kidney_left: 3,
    gallbladder: 4,
    stomach: 6,
    pancreas: 7,
    inferior_vena_cava: 63,
  },
  task008: { liver_vessels: 1, liver_tumor: 2 },
};
