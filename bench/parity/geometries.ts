import { phantomGrid } from '../../core/volume/phantom.ts';
import type { Grid } from '../../core/volume/volume.ts';

/** One phantom of the parity table: how its voxel grid lies in the patient. */
export interface ParityGeometry {
  readonly id: string;
  readonly grid: Grid;
}

/** Patient whose phantoms are compared; the demo networks were not trained on it. */
export const PARITY_SEED = 90_005;

/** Flips of each axis, both handednesses, cyclic and non-cyclic orders of the axes. */
const ORIENTATIONS = ['RAS', 'LPS', 'LAS', 'RPI', 'ASR', 'SPL', 'PIR', 'IRA'] as const;

/** Slice thickness is four pixels, so that nnU-Net v1 resamples slices and planes apart. */
const ANISOTROPIC = { spacing: [1.5, 1.5, 6], dims: [220, 176, 44] } as const;

/** All phantoms, in the order of the table: 3 mm in eight orientations, oblique, anisotropic. */
export const PARITY_GEOMETRIES: readonly ParityGeometry[] = [
  ...ORIENTATIONS.map((orientation) => ({ id: orientation, grid: phantomGrid('small', { orientation }) })),
  { id: 'oblique', grid: phantomGrid('small', { orientation: 'LPS', oblique: [9, -7, 14] }) },
  { id: 'anisotropic', grid: phantomGrid('small', { ...ANISOTROPIC, orientation: 'LPS' }) },
  { id: 'anisotropic-sagittal', grid: phantomGrid('small', { ...ANISOTROPIC, orientation: 'SAR' }) },
];
