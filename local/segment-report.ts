import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import type { ErrorDocument } from '../core/errors.ts';
import { modelEntry } from '../core/models/catalogue.ts';
import type { CaseProgress } from '../core/progress.ts';
import { DEMO_NOTICE, NOT_A_MEDICAL_DEVICE } from '../core/results/notices.ts';
import type { Metadata } from '../core/results/metadata-schema.ts';
import { PROGRESS_BAR } from './progress-bar.ts';
import { errorText, jsonLine, printable, secondsText, tableText } from './text.ts';

/** How one CT ended, for the person or program that asked. */
export interface CaseOutcome {
  /** The path as it was given. */
  readonly input: string;
  /** Name of the result folder and of the ZIP. */
  readonly name: string;
  readonly outcome: 'succeeded' | 'failed';
  readonly error: ErrorDocument | null;
  /** Folder of the unpacked results, and their ZIP; null when the case failed. */
  readonly folder: string | null;
  readonly zip: string | null;
  readonly metadata: Metadata | null;
  readonly seconds: number;
}

/** Shows a run while it goes on and when it ends. */
export interface SegmentReporter {
  started(names: readonly string[], device: string): void;
  progress(name: string, progress: CaseProgress): void;
  ended(outcome: CaseOutcome): void;
  finished(outcomes: readonly CaseOutcome[]): void;
}

interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** JSON lines with `json`, a progress bar per case on a terminal, one plain line per step otherwise. */
export function segmentReporter(streams: Streams, json: boolean): SegmentReporter {
  if (json) return jsonReporter(streams);
  return streams.stderr.isTTY ? barReporter(streams) : plainReporter(streams);
}

function jsonReporter({ stdout }: Streams): SegmentReporter {
  return {
    started: (cases, device) => stdout.write(jsonLine({ event: 'started', cases, device })),
    progress: (name, progress) => stdout.write(jsonLine({ event: 'progress', case: name, ...progress })),
    ended: (outcome) => stdout.write(jsonLine({ event: 'case', ...outcome })),
    finished: (outcomes) => stdout.write(jsonLine({ event: 'finished', ...countOutcomes(outcomes) })),
  };
}

const stepText = ({ stage, model, engine }: CaseProgress): string => {
  if (model === null) return stage;
  return engine === null ? model : `${model} ${engine.stage}`;
};

function plainReporter({ stdout, stderr }: Streams): SegmentReporter {
  let last = '';
  return {
    started: (names, device) => stderr.write(`${names.length} CT on ${device}\n`),
    progress: (name, progress) => {
      // A line per step: a pipe is read by people and by log collectors, neither of whom wants every tile.
      const step = `${printable(name)}: ${stepText(progress)}`;
      if (step === last) return;
      last = step;
      const left = progress.secondsLeft === null ? '' : `, about ${secondsText(progress.secondsLeft)} left`;
      stderr.write(`${step} (${Math.round(progress.fraction * 100)} %${left})\n`);
    },
    ended: (outcome) => writeOutcome({ stdout, stderr }, outcome),
    finished: (outcomes) => writeSummary({ stdout, stderr }, outcomes),
  };
}

const FORMAT = '{name}  {bar} {percentage} %  {step}{tiles}{left}';

function barReporter({ stdout, stderr }: Streams): SegmentReporter {
  let bar: SingleBar | null = null;
  const stop = (): void => {
    bar?.stop();
    bar = null;
  };
  return {
    started: (names, device) => stderr.write(`${names.length} CT on ${device}\n`),
    progress: (name, progress) => {
      const { engine, secondsLeft } = progress;
      const shown = {
        name: printable(name),
        step: stepText(progress),
        tiles: engine === null || engine.total <= 1 ? '' : `, ${engine.done} of ${engine.total}`,
        left: secondsLeft === null ? '' : `, about ${secondsText(secondsLeft)} left`,
      };
      if (bar === null) {
        bar = new SingleBar({ ...PROGRESS_BAR, format: FORMAT, stream: stderr });
        bar.start(100, 0, shown);
      }
      bar.update(Math.round(progress.fraction * 100), shown);
    },
    ended: (outcome) => {
      stop();
      writeOutcome({ stdout, stderr }, outcome);
    },
    finished: (outcomes) => {
      stop();
      writeSummary({ stdout, stderr }, outcomes);
    },
  };
}

function writeOutcome({ stdout, stderr }: Streams, outcome: CaseOutcome): void {
  if (outcome.error !== null) {
    stderr.write(
      `\n${printable(outcome.input)}: FAILED\n  ${errorText(outcome.error).replaceAll('\n', '\n  ')}\n`,
    );
    return;
  }
  const { metadata, seconds } = outcome;
  const [name, folder, zip] = [outcome.name, outcome.folder!, outcome.zip!].map(printable);
  stdout.write(`\n${name}: done in ${secondsText(seconds)}\n${volumesTable(metadata!)}\n`);
  const { verdict, reasons } = metadata!.quality;
  const codes = [...new Set(reasons.map(({ code }) => code))].join(', ');
  stdout.write(`Quality: ${verdict}${codes === '' ? '' : ` (${codes})`}\n`);
  stdout.write(`Results: ${folder}\n         ${zip}\nReport:  ${join(folder!, 'report.html')}\n`);
}

/** Volumes of what was found, ml; of the 117 structures only those that are there. */
function volumesTable(metadata: Metadata): string {
  const rows = metadata.structures
    .filter(({ voxels, model }) => voxels > 0 || Object.keys(modelEntry(model).labels).length <= 8)
    .map(({ model, name, volumeMl }) => [model, name, volumeMl.toFixed(1)]);
  return tableText([['model', 'structure', 'ml'], ...rows], [2]);
}

function writeSummary({ stdout, stderr }: Streams, outcomes: readonly CaseOutcome[]): void {
  const { succeeded, failed } = countOutcomes(outcomes);
  if (outcomes.length > 1) stderr.write(`\n${succeeded} done, ${failed} failed\n`);
  if (succeeded === 0) return;
  if (outcomes.some(({ metadata }) => metadata?.demo)) stdout.write(`\n${DEMO_NOTICE}\n`);
  stdout.write(`${NOT_A_MEDICAL_DEVICE}\n`);
}

function countOutcomes(outcomes: readonly CaseOutcome[]): { succeeded: number; failed: number } {
  const succeeded = outcomes.filter(({ outcome }) => outcome === 'succeeded').length;
  return { succeeded, failed: outcomes.length - succeeded };
}
