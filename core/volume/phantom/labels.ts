/**
 * Label numbers of the phantom's truth. Names are TotalSegmentator's class names where it has one;
 * `vertebrae`, `ribs_*` and `lung_lower_lobe_*` stand for all vertebrae, all ribs and all of the lung of a
 * side, `body_wall` for the muscles of trunk wall and diaphragm. 0 is air, fat and everything unnamed.
 */
export const PHANTOM_LABELS = {
  liver: 1,
  liver_vessels: 2,
  liver_tumor: 3,
  spleen: 4,
  kidney_right: 5,
  kidney_left: 6,
  gallbladder: 7,
  stomach: 8,
  pancreas: 9,
  duodenum: 10,
  small_bowel: 11,
  colon: 12,
  aorta: 13,
  inferior_vena_cava: 14,
  portal_vein_and_splenic_vein: 15,
  vertebrae: 16,
  ribs_right: 17,
  ribs_left: 18,
  autochthon_right: 19,
  autochthon_left: 20,
  lung_lower_lobe_right: 21,
  lung_lower_lobe_left: 22,
  heart: 23,
  body_wall: 24,
} as const;

/** Name of a structure of the phantom. */
export type PhantomLabel = keyof typeof PHANTOM_LABELS;

/** Labels that together are the organ liver: parenchyma, the vessels inside it and the tumours. */
export const LIVER_ORGAN_LABELS: readonly number[] = [
  PHANTOM_LABELS.liver,
  PHANTOM_LABELS.liver_vessels,
  PHANTOM_LABELS.liver_tumor,
];
