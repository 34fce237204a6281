import type { Random } from './random.ts';

/** Mean HU of every tissue of one patient in one contrast phase. */
export interface Tissue {
  readonly fat: number;
  readonly muscle: number;
  readonly liver: number;
  readonly vessel: number;
  readonly tumour: number;
  readonly spleen: number;
  readonly cortex: number;
  readonly medulla: number;
  readonly aorta: number;
  readonly cava: number;
  readonly portal: number;
  readonly bile: number;
  readonly pancreas: number;
  readonly bowelWall: number;
  readonly heart: number;
  readonly lung: number;
  readonly spongiosa: number;
  readonly compacta: number;
  readonly disc: number;
}

/** Contrast phase of the scan. */
export type Phase = 'native' | 'arterial' | 'portal' | 'late';

const COMMON = { fat: -102, bile: 11, lung: -850, spongiosa: 165, compacta: 420, disc: 84 } as const;

const PHASES: Readonly<Record<Phase, Tissue>> = {
  native: {
    ...COMMON,
    muscle: 54,
    liver: 56,
    vessel: 38,
    tumour: 34,
    spleen: 49,
    cortex: 33,
    medulla: 29,
    aorta: 40,
    cava: 39,
    portal: 39,
    pancreas: 42,
    bowelWall: 38,
    heart: 42,
  },
  arterial: {
    ...COMMON,
    muscle: 60,
    liver: 70,
    vessel: 98,
    tumour: 46,
    spleen: 128,
    cortex: 210,
    medulla: 90,
    aorta: 310,
    cava: 95,
    portal: 110,
    pancreas: 108,
    bowelWall: 85,
    heart: 250,
  },
  portal: {
    ...COMMON,
    muscle: 80,
    liver: 94,
    vessel: 152,
    tumour: 57,
    spleen: 104,
    cortex: 182,
    medulla: 148,
    aorta: 158,
    cava: 140,
    portal: 160,
    pancreas: 92,
    bowelWall: 88,
    heart: 150,
  },
  late: {
    ...COMMON,
    muscle: 68,
    liver: 84,
    vessel: 108,
    tumour: 58,
    spleen: 90,
    cortex: 150,
    medulla: 155,
    aorta: 118,
    cava: 115,
    portal: 112,
    pancreas: 78,
    bowelWall: 76,
    heart: 112,
  },
};

/** Draws a contrast phase: portal most often, as in the scans the networks are for. */
export function drawPhase(random: Random): Phase {
  const draw = random.range(0, 1);
  if (draw < 0.45) return 'portal';
  if (draw < 0.65) return 'late';
  return draw < 0.8 ? 'arterial' : 'native';
}

/** Tissue means of one patient: the phase's table, each value moved by a few HU (more with `spread`). */
export function drawTissue(random: Random, phase: Phase, spread: number): Tissue {
  const means = PHASES[phase];
  const move = (value: number, step: number): number => value + random.range(-1, 1) * step * spread;
  const contrast = means.vessel - means.liver;
  const liver = move(means.liver, 4);
  const vessel = liver + contrast * random.range(1 - 0.12 * spread, 1 + 0.12 * spread);
  return {
    fat: move(means.fat, 4),
    muscle: move(means.muscle, 4),
    liver,
    vessel,
    tumour: liver + (means.tumour - means.liver) * random.range(1 - 0.15 * spread, 1 + 0.2 * spread),
    spleen: move(means.spleen, 6),
    cortex: move(means.cortex, 10),
    medulla: move(means.medulla, 10),
    aorta: move(means.aorta, 10),
    cava: move(means.cava, 8),
    portal: vessel + move(means.portal - means.vessel, 3),
    bile: move(means.bile, 4),
    pancreas: move(means.pancreas, 5),
    bowelWall: move(means.bowelWall, 5),
    heart: move(means.heart, 8),
    lung: move(means.lung, 15),
    spongiosa: move(means.spongiosa, 25),
    compacta: move(means.compacta, 40),
    disc: move(means.disc, 6),
  };
}
