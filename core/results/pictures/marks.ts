import { fillBox, type Raster, type Rgb } from './raster.ts';

/** Letters of 5 x 7 dots, a row a number, the leftmost dot its highest bit. */
const LETTERS: Readonly<Record<string, readonly number[]>> = {
  A: [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
  D: [0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b11110],
  E: [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111],
  I: [0b01110, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
  L: [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111],
  M: [0b10001, 0b11011, 0b10101, 0b10101, 0b10001, 0b10001, 0b10001],
  O: [0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
  P: [0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000],
  R: [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001],
  S: [0b01111, 0b10000, 0b10000, 0b01110, 0b00001, 0b00001, 0b11110],
  c: [0b00000, 0b00000, 0b01110, 0b10000, 0b10000, 0b10001, 0b01110],
  m: [0b00000, 0b00000, 0b11010, 0b10101, 0b10101, 0b10001, 0b10001],
  1: [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
  2: [0b01110, 0b10001, 0b00001, 0b00010, 0b00100, 0b01000, 0b11111],
  5: [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
  0: [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
  ' ': [0, 0, 0, 0, 0, 0, 0],
};
const WIDTH = 5;
const HEIGHT = 7;
const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];
const DEMO_COLOUR: Rgb = [255, 80, 60];

/** What stands at the edges of a picture: sides of the patient, none where null. */
export interface Sides {
  readonly left: string;
  readonly right: string;
  readonly top: string;
  readonly bottom: string;
}

/** What a picture says beside its pixels. */
export interface PictureMarks {
  readonly sides: Sides;
  /** Edge of a pixel, mm. */
  readonly mmPerPixel: number;
  /** Writes DEMO across the corner, since pictures travel without their report. */
  readonly demo: boolean;
}

/** Lengths that a scale bar may have, mm, with what stands beside it. */
const BARS = [
  [100, '10 cm'],
  [50, '5 cm'],
  [20, '2 cm'],
  [10, '1 cm'],
  [5, '5 mm'],
  [1, '1 mm'],
] as const;
/** Most of the width that a scale bar takes. */
const BAR_SHARE = 0.35;

/** Writes sides and scale bar into a picture. */
export function drawMarks(raster: Raster, { sides, mmPerPixel, demo }: PictureMarks): void {
  const { width, height } = raster;
  const dot = Math.max(1, Math.round(Math.min(width, height) / 180));
  const [w, h, gap] = [WIDTH * dot, HEIGHT * dot, 3 * dot];
  const write = (text: string, x: number, y: number): void => drawText(raster, text, { x, y, dot });
  write(sides.left, gap, (height - h) >> 1);
  write(sides.right, width - w - gap, (height - h) >> 1);
  write(sides.top, (width - w) >> 1, gap);
  write(sides.bottom, (width - w) >> 1, height - h - gap);
  const [mm, text] = BARS.find(([mm]) => mm / mmPerPixel <= BAR_SHARE * width) ?? BARS.at(-1)!;
  const bar = { x: 2 * gap, y: height - 2 * gap, width: Math.round(mm / mmPerPixel), height: 2 * dot };
  fillBox(raster, { x: bar.x - dot, y: bar.y - dot, width: bar.width + 2 * dot, height: 4 * dot }, BLACK);
  fillBox(raster, bar, WHITE);
  write(text, bar.x, bar.y - h - 2 * dot);
  if (demo) drawText(raster, 'DEMO', { x: gap, y: gap, dot: 2 * dot, colour: DEMO_COLOUR });
}

interface Place {
  readonly x: number;
  readonly y: number;
  /** Pixels of a dot. */
  readonly dot: number;
  readonly colour?: Rgb;
}

/** Draws letters with a dark rim, so that they are read on any ground. */
function drawText(raster: Raster, text: string, { x, y, dot, colour = WHITE }: Place): void {
  const dots = Array.from(text).flatMap((letter, at) =>
    LETTERS[letter]!.flatMap((row, down) =>
      Array.from({ length: WIDTH }, (_, across) => across)
        .filter((across) => (row >> (WIDTH - 1 - across)) & 1)
        .map((across) => ({ x: x + (at * (WIDTH + 1) + across) * dot, y: y + down * dot })),
    ),
  );
  const rim = Math.max(1, dot >> 1);
  for (const one of dots)
    fillBox(raster, { x: one.x - rim, y: one.y - rim, width: dot + 2 * rim, height: dot + 2 * rim }, BLACK);
  for (const one of dots) fillBox(raster, { ...one, width: dot, height: dot }, colour);
}
