import type { Engine } from '../../core/engine-port.ts';
import type { RunResult } from '../../core/engine-protocol.ts';
import { engineCallOf } from '../../core/models/catalogue.ts';
import { phantomGrid } from '../../core/volume/phantom.ts';
import type { Grid } from '../../core/volume/volume.ts';
import { VARIANTS } from '../variants.ts';
import type { BenchMachine } from '../warm-engine.ts';

/** Of the body, however many the slices; mm. */
const LENGTH = 375;

/** A CT of usual size in the plane, over one length of the body. */
export const bodyGrid = (slices: number): Grid =>
  phantomGrid('full', { dims: [512, 512, slices], spacing: [0.75, 0.75, LENGTH / slices] });

/** One request to the engine host: which network on which CT, and where its mask goes. */
export interface VariantRun {
  /** A name of `VARIANTS`. */
  readonly id: string;
  readonly ct: string;
  readonly output: string;
}

/** What the engine host said of a run. */
export interface VariantFigures extends VariantRun {
  /** Wall seconds from the open of the CT to its close. */
  readonly seconds: number;
  readonly result: RunResult;
}

/** Runs one network of `machine` on one CT. Throws what the engine throws. */
export async function runVariant(
  engine: Engine,
  machine: BenchMachine,
  run: VariantRun,
): Promise<VariantFigures> {
  const { model, options } = VARIANTS[run.id]!;
  const start = performance.now();
  const opened = await engine.open(run.ct);
  try {
    const call = engineCallOf(model, options, machine.weights);
    const result = await opened.run({ call, output: run.output, onProgress: () => undefined });
    return { ...run, result, seconds: (performance.now() - start) / 1000 };
  } finally {
    await opened.close();
  }
}
