import { readFileSync } from 'node:fs';
import type { FuzzRecord, FuzzRunRecord } from '../../bench/fuzz/record.ts';
import { code, page, table } from './markdown.ts';

const FOUND = `Found and mended so far, each with a test of its own:

- What followed zeros behind a gzip was not looked at: a second CT or a second archive was hidden. It is refused now.
- A CT with more than a megabyte of zeros behind its gzip was called unreadable. It is read.`;

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** docs/reference/fuzz.md: the last recorded run of `npm run fuzz`, from docs/fuzz.json. */
export function fuzzPage(path: string): string {
  const { machine, records } = JSON.parse(readFileSync(path, 'utf8')) as FuzzRunRecord;
  return page(
    'Fuzzing of the readers',
    'Inputs are made from recipes (`bench/fuzz`) and by damage to phantoms and real files; archives come from our own byte-wise ' +
      'writer and from Python’s `zipfile` and `tarfile`. An oracle in Python (`bench/fuzz/oracle`), written from the standards ' +
      'and our documented rules, judges each of them as well: what it accepts we must accept with equal voxels, affine and ' +
      'scaling (archives: the same cases, names, order and bytes), what it refuses we must refuse for a rule that it names. A third reader ' +
      '(nibabel, zipfile, tarfile) confirms what both accept, where it reads it at all.',
    `Measured on ${machine}, by \`npm run fuzz -- --record\`.`,
    table(['', ...records.map(({ kind }) => kind)], rows(records)),
    FOUND,
    'Refusals by code:',
    ...records.map(({ kind, codes }) =>
      table(
        [kind, 'inputs'],
        Object.entries(codes).map(([name, count]) => [code(name), count]),
      ),
    ),
  );
}

function rows(records: readonly FuzzRecord[]): (string | number)[][] {
  const row = (title: string, of: (record: FuzzRecord) => string | number): (string | number)[] => [
    title,
    ...records.map(of),
  ];
  const findings =
    (...kinds: readonly string[]) =>
    (record: FuzzRecord): number =>
      record.findings.filter(({ kind }) => kinds.includes(kind)).length;
  return [
    row('inputs', ({ inputs }) => inputs),
    row('seed', ({ seed }) => seed),
    row('size of all', ({ bytes }) => mb(bytes)),
    row('accepted by both', ({ accepted, valid }) => `${accepted} (${percent(valid)})`),
    row('of these confirmed by a third reader', ({ witnessed }) => witnessed),
    row('refused by both', ({ refused }) => refused),
    row('left open: rounding, or what the standards do not say', ({ open }) => open),
    row('disagreements', findings('quarrel')),
    row('crashes, leftovers', findings('crash')),
    row('slower than 5 s or larger than 256 MiB', findings('slow', 'large')),
    row('time of an input, p50 / p99 / most', ({ ms }) => `${ms.p50} / ${ms.p99} / ${ms.most} ms`),
    row('most memory of an input', ({ mostPeakBytes }) => mb(mostPeakBytes)),
  ];
}
