import type { HpbError } from '../core/errors.ts';
import type { JobAnswer } from '../core/requests.ts';
import { bytesText, errorText, jsonLine, printable } from '../local/text.ts';
import type { FetchedResult } from './fetch-job.ts';
import { jobStep, jobText } from './job-text.ts';
import { progressDisplay, type ProgressDisplay } from './progress-display.ts';

/** Shows what becomes of the inputs of `hpb submit`. `name` is the caller's own name of an input. */
export interface SubmitReporter {
  packed(name: string, packed: { readonly cts: number; readonly leftBehind: number }): void;
  upload(name: string, doneBytes: number, totalBytes: number): void;
  /** `isKnown`: it is the job that an interrupted command has waited for. */
  submitted(name: string, job: JobAnswer, isKnown: boolean): void;
  progress(name: string, job: JobAnswer): void;
  ended(name: string, job: JobAnswer): void;
  download(name: string, doneBytes: number, totalBytes: number): void;
  fetched(name: string, results: readonly FetchedResult[]): void;
  failed(name: string, error: HpbError): void;
  /** Takes away what shows progress, before something else is written. */
  pause(): void;
}

interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** JSON lines with `json`, otherwise words: results on stdout, progress on stderr. */
export function submitReporter(streams: Streams, json: boolean): SubmitReporter {
  return json ? jsonReporter(streams) : textReporter(streams);
}

/** Results of a fetch in words. */
export function fetchedText(results: readonly FetchedResult[]): string {
  return results
    .flatMap(({ file, folder, url }) => [file, folder, url])
    .filter((place) => place !== null)
    .map((place) => `Results: ${printable(place)}\n`)
    .join('');
}

function jsonReporter({ stdout }: Streams): SubmitReporter {
  const print = (event: string, name: string, fields: object): void =>
    void stdout.write(jsonLine({ event, input: name, ...fields }));
  let last = '';
  /** A line per percent at most. */
  const printShare = (event: string, name: string, done: number, total: number): void => {
    const share = `${event} ${name} ${Math.floor((100 * done) / total)}`;
    if (share !== last) print(event, name, { doneBytes: done, totalBytes: total });
    last = share;
  };
  return {
    packed: (name, packed) => print('packed', name, packed),
    upload: (name, done, total) => printShare('upload', name, done, total),
    submitted: (name, job, isKnown) => print('submitted', name, { job, isKnown }),
    progress: (name, { jobId, state, stage, percent, counts }) => {
      const line = `${jobId} ${state} ${stage} ${percent}`;
      if (line !== last) print('progress', name, { jobId, state, stage, percent, counts });
      last = line;
    },
    ended: (name, job) => print('ended', name, { job }),
    download: (name, done, total) => printShare('download', name, done, total),
    fetched: (name, results) => print('fetched', name, { results }),
    failed: (name, error) => print('failed', name, { error: error.toDocument() }),
    pause: () => undefined,
  };
}

function textReporter({ stdout, stderr }: Streams): SubmitReporter {
  let display: ProgressDisplay | null = null;
  const show = (name: string, fraction: number, words: string): void => {
    display ??= progressDisplay(stderr, name);
    display.update(fraction, words);
  };
  const pause = (): void => {
    display?.end();
    display = null;
  };
  const showBytes = (verb: string) => (name: string, done: number, total: number) =>
    show(name, total === 0 ? 1 : done / total, `${verb} ${bytesText(total)}`);
  const say = (stream: NodeJS.WriteStream, text: string): void => {
    pause();
    stream.write(text);
  };
  return {
    packed: (name, { cts, leftBehind }) => {
      const rest = leftBehind === 0 ? '' : `; ${leftBehind} other files stay behind`;
      say(stderr, `${printable(name)}: ${cts} CT${cts === 1 ? '' : 's'} packed${rest}\n`);
    },
    upload: showBytes('uploading'),
    submitted: (name, { jobId }, isKnown) => {
      const whence = isKnown ? ', of the same command before (--new: another one)' : '';
      say(stdout, `${printable(name)}: job ${jobId}${whence}\n`);
    },
    progress: (name, job) => show(name, job.percent / 100, jobStep(job)),
    ended: (_, job) => say(stdout, jobText(job)),
    download: showBytes('fetching'),
    fetched: (_, results) => say(stdout, fetchedText(results)),
    failed: (name, error) => {
      // A job whose waiter left goes on.
      const what = error.code === 'CANCELLED' ? 'not waited for' : 'FAILED';
      say(stderr, `${printable(name)}: ${what}\n  ${errorText(error).replaceAll('\n', '\n  ')}\n`);
    },
    pause,
  };
}
