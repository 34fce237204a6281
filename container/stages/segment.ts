import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineCall, HelloResult, RunResult } from '../../core/engine-protocol.ts';
import { HpbError } from '../../core/errors.ts';
import { engineCallOf, modelEntry, type ModelId } from '../../core/models/catalogue.ts';
import type { LocatedWeights } from '../../core/engine-port.ts';
import type { CaseContext } from '../case-context.ts';
import type { CheckedCt } from './check.ts';

/** One model's mask as the engine wrote it. */
export interface RawMask {
  readonly model: ModelId;
  readonly call: EngineCall;
  readonly path: string;
  readonly run: RunResult;
  readonly weights: LocatedWeights;
}

/** What the engine did for a case. */
export interface SegmentedCase {
  readonly hello: HelloResult;
  readonly masks: readonly RawMask[];
}

/** Opens the CT once and runs every model of the case on it, in turn. */
export async function segmentCt(
  context: CaseContext,
  checked: CheckedCt,
  weights: ReadonlyMap<ModelId, LocatedWeights>,
): Promise<SegmentedCase> {
  const { ports, task, cancel } = context;
  const limits = { signal: cancel, timeoutSeconds: task.timeoutSeconds };
  const opened = await ports.engine.open(checked.enginePath, limits);
  try {
    const hello = await ports.engine.hello();
    const masks: RawMask[] = [];
    for (const model of task.models) {
      const located = weights.get(model)!;
      const call = engineCallOf(model, task.options, located.location);
      const path = join(context.scratch.out, `raw-${modelEntry(model).output}`);
      // Of a run that a fault of the device ended, whose mask would be taken for this one's.
      rmSync(path, { force: true });
      const run = await opened.run({
        call,
        output: path,
        onProgress: (progress) => context.progress.engine(model, progress),
        ...limits,
      });
      ports.meter?.engineRun(model, run);
      ports.log.debug('case:stage', { caseId: context.caseId, stage: 'segment', model, ...run.seconds });
      assertWritten(path, model);
      masks.push({ model, call, path, run, weights: located });
    }
    return { hello, masks };
  } finally {
    await opened.close();
  }
}

function assertWritten(path: string, model: ModelId): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return;
  throw new HpbError('ENGINE_OUTPUT_MISSING', `The engine finished ${model} but wrote no mask.`, {
    remedy: 'Run again with HPB_LOG_LEVEL=debug, which logs what the engine prints, and report it.',
    details: { model },
  });
}
