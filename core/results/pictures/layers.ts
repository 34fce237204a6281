import type { ModelId } from '../../models/catalogue.ts';
import { modelEntry } from '../../models/catalogue.ts';
import type { LabelRuns } from '../../volume/label-runs.ts';
import type { Rgb } from './raster.ts';

/** What a structure is to a reader of liver pictures. */
export type LayerRole = 'liver' | 'vessel' | 'tumour' | 'other';

/** A structure that pictures show. */
export interface Layer {
  /** As in metadata.json. */
  readonly name: string;
  readonly role: LayerRole;
  readonly runs: LabelRuns;
  readonly label: number;
  readonly colour: Rgb;
}

/** A mask of a case, as its runs, with the model whose labels it has. */
export interface CaseRuns {
  readonly model: ModelId;
  readonly runs: LabelRuns;
}

/** Structures by what they are, for pictures and reports. */
const ROLES: Readonly<Record<string, LayerRole>> = {
  liver: 'liver',
  hepatic_vessels: 'vessel',
  liver_vessels: 'vessel',
  portal_vein_and_splenic_vein: 'vessel',
  inferior_vena_cava: 'vessel',
  liver_tumors: 'tumour',
  liver_tumor: 'tumour',
};

/** Told apart by people with any colour vision, on grey and on white. */
const ROLE_COLOURS: Readonly<Record<Exclude<LayerRole, 'other'>, Rgb>> = {
  liver: [240, 165, 60],
  vessel: [75, 165, 255],
  tumour: [240, 70, 160],
};

/** Quiet colours of everything else, taken in turn. */
const OTHER_COLOURS: readonly Rgb[] = [
  [120, 190, 140],
  [170, 150, 215],
  [205, 190, 120],
  [125, 190, 200],
  [205, 145, 125],
  [160, 165, 175],
  [185, 205, 95],
  [205, 130, 185],
];

/** Back to front. */
const ORDER: readonly LayerRole[] = ['other', 'liver', 'vessel', 'tumour'];

/** The role of a structure by its name in metadata.json. */
export function roleOf(name: string): LayerRole {
  return ROLES[name] ?? 'other';
}

/** The colour of a structure in pictures, meshes and reports. */
export function colourOf(name: string, label: number): Rgb {
  const role = roleOf(name);
  return role === 'other' ? OTHER_COLOURS[label % OTHER_COLOURS.length]! : ROLE_COLOURS[role];
}

/** A colour as CSS and HTML write it. */
export function hexColour(colour: Rgb): string {
  return `#${colour.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

/** The structures of masks in the order in which they are drawn, tumours last. */
export function layersOf(masks: readonly CaseRuns[]): readonly Layer[] {
  const layers = masks.flatMap(({ model, runs }) =>
    Object.entries(modelEntry(model).labels).map(([text, name]): Layer => {
      const label = Number(text);
      return { name, role: roleOf(name), runs, label, colour: colourOf(name, label) };
    }),
  );
  return layers.toSorted((a, b) => ORDER.indexOf(a.role) - ORDER.indexOf(b.role));
}
