import { componentOfRuns } from './components.ts';
import { forEachLabelRun, RunCollector, type LabelRuns } from './label-runs.ts';

/** Corner and size of the box around a set, with a frame of one voxel of background. */
interface Frame {
  readonly origin: readonly [number, number, number];
  readonly dims: readonly [number, number, number];
}

/**
 * The set with its cavities closed: background that no way through voxel faces leads out of is part of it. Every run
 * of the result has label 1.
 */
export function withoutCavities(set: LabelRuns): LabelRuns {
  const filled = new RunCollector(set.dims);
  if (set.count === 0) return filled.finish();
  const frame = frameOf(set);
  const background = backgroundIn(set, frame);
  const { ofRun } = componentOfRuns(background, 6);
  const [x0, y0, z0] = frame.origin;
  let previous = { row: -1, end: 0 };
  forEachLabelRun(background, (run, row) => {
    // The frame is one component, and the first.
    if (ofRun[run] !== 0) return;
    if (previous.row === row) {
      const z = Math.floor(row / frame.dims[1]);
      const own = row - z * frame.dims[1] + y0 + set.dims[1] * (z + z0);
      filled.add(own, previous.end + 1 + x0, background.from[run]! - 1 + x0, 1);
    }
    previous = { row, end: background.to[run]! };
  });
  return filled.finish();
}

function frameOf(set: LabelRuns): Frame {
  const low: [number, number, number] = [Infinity, Infinity, Infinity];
  const high: [number, number, number] = [-1, -1, -1];
  forEachLabelRun(set, (run, row) => {
    const z = Math.floor(row / set.dims[1]);
    const at = [set.from[run]!, row - z * set.dims[1], z] as const;
    const end = [set.to[run]!, at[1], z] as const;
    for (const axis of [0, 1, 2] as const) {
      low[axis] = Math.min(low[axis], at[axis]);
      high[axis] = Math.max(high[axis], end[axis]);
    }
  });
  return {
    origin: [low[0] - 1, low[1] - 1, low[2] - 1],
    dims: [high[0] - low[0] + 3, high[1] - low[1] + 3, high[2] - low[2] + 3],
  };
}

function backgroundIn(set: LabelRuns, { origin: [x0, y0, z0], dims }: Frame): LabelRuns {
  const [nx, ny, nz] = dims;
  const background = new RunCollector(dims);
  for (let z = 0; z < nz; z += 1) {
    for (let y = 0; y < ny; y += 1) {
      const row = y + ny * z;
      const [first, end] = runsOfRow(set, y + y0, z + z0);
      let from = 0;
      for (let run = first; run < end; run += 1) {
        const begin = set.from[run]! - x0;
        if (begin > from) background.add(row, from, begin - 1, 1);
        from = set.to[run]! - x0 + 1;
      }
      background.add(row, from, nx - 1, 1);
    }
  }
  return background.finish();
}

/** First run of a row and the one after its last; none outside the grid. */
function runsOfRow(
  { dims: [, ny, nz], firstOfRow }: LabelRuns,
  y: number,
  z: number,
): readonly [number, number] {
  if (y < 0 || y >= ny || z < 0 || z >= nz) return [0, 0];
  return [firstOfRow[y + ny * z]!, firstOfRow[y + ny * z + 1]!];
}
