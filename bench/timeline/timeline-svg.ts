import type { CaseStage } from '../../core/results/run-record.ts';
import type { EngineSpan, Span, Timeline } from './timeline.ts';

/** Told apart by people with any colour vision (Okabe and Ito), on white. */
const COLOURS: Readonly<Record<CaseStage, string>> = {
  fetch: '#999999',
  check: '#56b4e9',
  segment: '#d55e00',
  measure: '#009e73',
  mesh: '#0072b2',
  package: '#e69f00',
  publish: '#cc79a7',
};
const WIDTH = 960;
const LEFT = 64;
const TOP = 84;
const ROW = 30;
const BAR = 20;
/** Marks of the time axis, at most. */
const MARKS = 10;

/** A drawing of a timeline: a row a case, a bar a stage; the engine's own stages are lines within its bar. */
export function timelineSvg(timeline: Timeline, title: string): string {
  const { cases, seconds, engineBusy } = timeline;
  const height = TOP + ROW * cases.length + 34;
  const scale = (WIDTH - LEFT - 16) / Math.max(seconds.wall, 1e-3);
  const x = (at: number): string => (LEFT + at * scale).toFixed(1);
  const facts =
    `${cases.length} cases in ${seconds.wall.toFixed(1)} s; one after the other ${seconds.serial.toFixed(1)} s; ` +
    `the engine had a case ${(100 * engineBusy).toFixed(0)} % of the time`;
  const rows = cases.flatMap(({ caseId, stages, engine }, row) => {
    const y = TOP + ROW * row;
    return [
      `<text x="${LEFT - 8}" y="${y + BAR - 5}" text-anchor="end">${caseId}</text>`,
      ...stages.map((span) => bar(span, { x, y, colour: COLOURS[span.stage], label: span.stage })),
      ...engine.map((span) => bar(span, { x, y, colour: null, label: engineLabel(span) })),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ` +
      `font-family="sans-serif" font-size="13" role="img" aria-label="${title}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="24" font-size="16">${title}</text>`,
    `<text x="${LEFT}" y="44">${facts}</text>`,
    ...legend(),
    ...axis(seconds.wall, { x, bottom: TOP + ROW * cases.length }),
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

const engineLabel = ({ model, stage }: EngineSpan): string => `${model}: ${stage}`;

interface BarLook {
  readonly x: (at: number) => string;
  readonly y: number;
  /** Null: an outline. */
  readonly colour: string | null;
  readonly label: string;
}

function bar({ from, to }: Span, { x, y, colour, label }: BarLook): string {
  const width = Math.max(0.5, Number(x(to)) - Number(x(from))).toFixed(1);
  const look = colour === null ? 'fill="none" stroke="#ffffff" stroke-width="0.6"' : `fill="${colour}"`;
  const [top, height] = colour === null ? [y + 4, BAR - 8] : [y, BAR];
  return (
    `<rect x="${x(from)}" y="${top}" width="${width}" height="${height}" ${look}>` +
    `<title>${label} ${(to - from).toFixed(2)} s</title></rect>`
  );
}

function legend(): readonly string[] {
  return Object.entries(COLOURS).flatMap(([stage, colour], at) => {
    const left = LEFT + at * 104;
    return [
      `<rect x="${left}" y="56" width="12" height="12" fill="${colour}"/>`,
      `<text x="${left + 18}" y="67">${stage}</text>`,
    ];
  });
}

function axis(
  wall: number,
  { x, bottom }: { readonly x: (at: number) => string; readonly bottom: number },
): readonly string[] {
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].find((one) => wall / one <= MARKS) ?? 1000;
  const marks = Array.from({ length: Math.floor(wall / step) + 1 }, (_, at) => at * step);
  return marks.flatMap((at) => [
    `<line x1="${x(at)}" y1="${TOP - 6}" x2="${x(at)}" y2="${bottom}" stroke="#dddddd"/>`,
    `<text x="${x(at)}" y="${bottom + 18}" text-anchor="middle">${Number(at.toFixed(1))} s</text>`,
  ]);
}
