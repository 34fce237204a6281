import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FileObjectStore } from '../adapters/file-object-store.ts';
import { jsonLog } from '../adapters/json-log.ts';
import { peekNifti } from '../adapters/nifti-file.ts';
import { systemClock } from '../adapters/system.ts';
import { runShard, type CaseOutcome as ShardCaseOutcome } from '../container/worker.ts';
import { wireWorker } from '../container/wire.ts';
import type { WorkerPorts } from '../container/case-context.ts';
import { throwIfCaseCancelled } from '../container/case-error.ts';
import { asHpbError, HpbError, type ErrorDocument } from '../core/errors.ts';
import { caseIdOf, caseInputKey, LAYOUT_VERSION, type CaseId, type JobId } from '../core/layout.ts';
import type { ModelId, SegmentOptions } from '../core/models/catalogue.ts';
import { metadataSchema, type Metadata } from '../core/results/metadata-schema.ts';
import type { Settings } from '../core/settings.ts';
import type { CaseTask } from '../core/shard.ts';
import { caseNames } from './case-names.ts';
import { exportCase, prepareOutput } from './export-case.ts';
import type { CaseOutcome, SegmentReporter } from './segment-report.ts';

/** CTs to segment on this machine, and how. */
export interface SegmentRequest {
  readonly inputs: readonly string[];
  readonly models: readonly ModelId[];
  readonly options: SegmentOptions;
  /** Folder of the results. */
  readonly out: string;
  /** Longest time one model may run on one case, s. */
  readonly timeoutSeconds: number;
}

/** What a segmentation on this machine needs from outside. */
export interface SegmentSurroundings {
  readonly settings: Settings;
  readonly packageRoot: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stderr: NodeJS.WriteStream;
  readonly reporter: SegmentReporter;
  /** Aborting cancels: the engine and its children end, finished cases keep their results. */
  readonly signal: AbortSignal;
}

/** One CT of the request. */
interface Case {
  readonly caseId: CaseId;
  readonly input: string;
  readonly name: string;
}

/**
 * Segments CTs on one warm engine, with the worker that runs in the cloud, and writes each
 * case's results to `<out>/<name>/` and `<out>/<name>_results.zip` as soon as it is done. A case that fails leaves
 * nothing there and does not stop the others.
 *
 * @throws HpbError when nothing can run at all: OUTPUT_UNWRITABLE, SETTINGS_INVALID.
 */
export async function segmentFiles(
  request: SegmentRequest,
  surroundings: SegmentSurroundings,
): Promise<readonly CaseOutcome[]> {
  const { settings, packageRoot, environment, reporter, stderr } = surroundings;
  const names = caseNames(request.inputs);
  await prepareOutput(request.out, names, request.inputs);
  // People read the report; the log is for those who look for a fault.
  const write = (line: string): void => void (settings.HPB_LOG_LEVEL === 'debug' && stderr.write(line));
  const log = jsonLog({ level: settings.HPB_LOG_LEVEL, clock: systemClock, write });
  const worker = await wireWorker({ settings, packageRoot, environment, log });
  try {
    // Inputs and results of this call only: inside the scratch, so that a crash leaves nothing for good.
    const store = new FileObjectStore(join(worker.ports.scratch.temporary, 'objects'));
    const cases = request.inputs.map((input, at) => ({ caseId: caseIdOf(at + 1), input, name: names[at]! }));
    reporter.started(names, settings.HPB_DEVICE);
    const outcomes = await new LocalRun(request, surroundings, { ...worker.ports, store }).run(cases);
    reporter.finished(outcomes);
    return outcomes;
  } finally {
    await worker.close();
  }
}

class LocalRun {
  readonly #request: SegmentRequest;
  readonly #surroundings: SegmentSurroundings;
  readonly #ports: WorkerPorts;
  readonly #jobId = `local-${randomUUID()}` as JobId;
  readonly #outcomes = new Map<CaseId, CaseOutcome>();
  #exports: Promise<void> = Promise.resolve();

  constructor(request: SegmentRequest, surroundings: SegmentSurroundings, ports: WorkerPorts) {
    this.#request = request;
    this.#surroundings = surroundings;
    this.#ports = ports;
  }

  async run(cases: readonly Case[]): Promise<readonly CaseOutcome[]> {
    const tasks: CaseTask[] = [];
    for (const one of cases) {
      const task = await this.#stored(one);
      if (task !== null) tasks.push(task);
    }
    const byId = new Map(cases.map((one) => [one.caseId, one]));
    const { reporter, signal } = this.#surroundings;
    const left = tasks.map(({ caseId }) => caseId);
    if (tasks.length > 0)
      await runShard(
        { layoutVersion: LAYOUT_VERSION, jobId: this.#jobId, attempt: 1, cases: tasks },
        this.#ports,
        {
          cancel: signal,
          caseName: (caseId) => byId.get(caseId)!.name,
          // Of cases that overlap people follow the first.
          onProgress: (progress) =>
            progress.caseId === left[0] && reporter.progress(byId.get(progress.caseId)!.name, progress),
          onCase: (outcome) => {
            left.splice(left.indexOf(outcome.caseId), 1);
            this.#exports = this.#exports.then(() => this.#ended(byId.get(outcome.caseId)!, outcome));
          },
        },
      );
    await this.#exports;
    return cases.map(({ caseId }) => this.#outcomes.get(caseId)!);
  }

  /** Puts a CT into the store; null when the file is no CT, which ends its case. */
  async #stored(one: Case): Promise<CaseTask | null> {
    const { models, options, timeoutSeconds } = this.#request;
    const inputKey = caseInputKey(this.#jobId, one.caseId);
    try {
      // Copies of many large CTs take longer than Ctrl-C may.
      throwIfCaseCancelled(this.#surroundings.signal);
      await peekNifti(one.input);
      await this.#ports.store.putFile(inputKey, one.input);
    } catch (thrown) {
      this.#settle(one, { error: asHpbError(thrown).toDocument(), seconds: 0 });
      return null;
    }
    const { fast, tta, folds } = options;
    return {
      caseId: one.caseId,
      inputKey,
      models: [...models],
      options: { fast, tta, folds: [...folds] },
      timeoutSeconds,
    };
  }

  async #ended(one: Case, { error, result }: ShardCaseOutcome): Promise<void> {
    const { store } = this.#ports;
    if (error !== null || result === null) {
      this.#settle(one, { error: error ?? noResult().toDocument(), seconds: result?.seconds ?? 0 });
      return;
    }
    try {
      const exported = await exportCase(store, result, this.#request.out, one.name);
      const metadata = metadataSchema.parse(
        JSON.parse(await readFile(join(exported.folder, 'metadata.json'), 'utf8')),
      );
      this.#settle(one, { error: null, ...exported, metadata, seconds: result.seconds });
    } catch (thrown) {
      this.#settle(one, { error: asHpbError(thrown).toDocument(), seconds: result.seconds });
    }
  }

  #settle({ caseId, input, name }: Case, end: CaseEnd): void {
    const outcome: CaseOutcome = {
      input,
      name,
      outcome: end.error === null ? 'succeeded' : 'failed',
      folder: null,
      zip: null,
      metadata: null,
      ...end,
    };
    this.#outcomes.set(caseId, outcome);
    this.#surroundings.reporter.ended(outcome);
  }
}

interface CaseEnd {
  readonly error: ErrorDocument | null;
  readonly folder?: string;
  readonly zip?: string;
  readonly metadata?: Metadata;
  readonly seconds: number;
}

function noResult(): HpbError {
  return new HpbError('UNCLEAN_EXIT', 'The case ended without a result.', {
    remedy: 'Run it again with HPB_LOG_LEVEL=debug and report the output.',
  });
}
