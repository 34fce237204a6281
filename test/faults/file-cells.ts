import { closeSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cell, Column, Ending } from './cell.ts';
import { inStage, reach, SEED, type Reached } from './columns.ts';
import { ctOf, sha256Of, type Drill } from './drill.ts';
import { kill } from './processes.ts';
import { onProcesses, onRefusal, type Fault } from './process-cell.ts';
import { cellsOf, failed, WELL } from './process-cells.ts';

/** Server stands still when it has planned the job: no worker has begun. */
async function beforeFetch(drill: Drill): Promise<Reached> {
  drill.stopAt('server', '"event":"job:prepared"');
  const { jobId } = await drill.send(await ctOf(SEED));
  const pid = await drill.held('server');
  return { jobId, release: async () => kill(pid, 'SIGCONT') };
}

const REPLACEMENT = 99;
const LOST: Ending = { state: 'FAILED', code: null, kept: 'nothing' };

/** What is done to a stored CT, of which only `path` is known. */
const DAMAGES = {
  'input-truncated': (path: string): void => truncateSync(path, 5_000),
  'input-replaced': async (path: string): Promise<void> => writeFileSync(path, await ctOf(REPLACEMENT)),
  'input-deleted': (path: string): void => rmSync(path),
} as const;
type DamageRow = keyof typeof DAMAGES;

/** The object that the stage, or the one after it, reads: the upload before it is taken in, the CT of the case then. */
function inputAt(drill: Drill, column: Column, jobId: string): string {
  if (column !== 'prepare')
    return join(drill.dataRoot, 'objects', 'jobs', jobId, 'cases', 'c0001', 'input.nii.gz');
  const path = join(drill.dataRoot, 'objects', 'jobs', jobId, 'request.json');
  const { inputKey } = JSON.parse(readFileSync(path, 'utf8')) as { readonly inputKey: string };
  return join(drill.dataRoot, 'objects', inputKey);
}

function damage(row: DamageRow, column: Column): Fault {
  return {
    reach: (drill) => (column === 'fetch' ? beforeFetch(drill) : reach(drill, column)),
    strike: async (drill, { jobId }) => DAMAGES[row](inputAt(drill, column, jobId!)),
    // The masks of the double are those of any CT on this grid: the provenance has to name the CT that was segmented.
    isRight: async (drill, jobId) => {
      const { input } = (await drill.metadataOf(jobId)).provenance;
      if (input.sha256 !== sha256Of(await ctOf(SEED))) throw new Error('the provenance names another CT');
    },
  };
}

/** What becomes of a job whose input is damaged before it is read; later the worker has its own copy. */
const DAMAGED: Readonly<Record<DamageRow, Partial<Record<Column, Ending>>>> = {
  'input-truncated': {
    prepare: { ...LOST, code: 'UPLOAD_CHECKSUM_MISMATCH' },
    fetch: { ...LOST, code: 'INPUT_REPLACED' },
  },
  'input-replaced': {
    prepare: { ...LOST, code: 'UPLOAD_CHECKSUM_MISMATCH' },
    fetch: { ...LOST, code: 'INPUT_REPLACED' },
  },
  'input-deleted': {
    prepare: { ...LOST, code: 'OBJECT_NOT_FOUND' },
    fetch: { ...LOST, code: 'INPUT_NOT_FOUND' },
  },
};
const HOW: Readonly<Record<DamageRow, string>> = {
  'input-truncated': 'the stored CT is cut',
  'input-replaced': 'another CT is stored in its place',
  'input-deleted': 'the stored CT is removed',
};
const COLUMNS_OF_JOBS = ['prepare', 'fetch', 'segment', 'measure', 'publish', 'status'] as const;

function damageCells(row: DamageRow): readonly Cell[] {
  return COLUMNS_OF_JOBS.map((column) => ({
    row,
    column,
    how: HOW[row],
    expected: DAMAGED[row][column] ?? WELL,
    boundSeconds: 30,
    fast: row === 'input-truncated' && column === 'prepare',
    run: onProcesses(damage(row, column)),
  }));
}

const refused = (code: string): Ending => ({ state: 'REFUSED', code, kept: 'nothing' });

/** What the service answers to a call that it refuses. */
async function codeOf(answer: Response): Promise<{ readonly code: string | null }> {
  return answer.ok ? { code: null } : ((await answer.json()) as { code: string });
}

/** Sends half of the bytes and hangs up, then submits what is there. */
async function brokenOff(drill: Drill): Promise<{ readonly code: string | null }> {
  const bytes = await ctOf(SEED);
  const { uploadId, put } = await drill.openUpload(bytes);
  const sending = request(put.url, { method: 'PUT', headers: put.headers });
  sending.on('error', () => undefined);
  await new Promise<void>((sent) => sending.write(bytes.subarray(0, bytes.length / 2), () => sent()));
  sending.destroy();
  await sleep(200);
  return codeOf(await drill.post('/segment/liver', { uploadId }));
}

async function sentTwice(drill: Drill): Promise<{ readonly code: string | null }> {
  const bytes = await ctOf(SEED);
  const { put } = await drill.openUpload(bytes);
  const send = (body: Buffer): Promise<Response> =>
    fetch(put.url, { method: 'PUT', headers: put.headers, body: new Uint8Array(body) });
  const first = await send(bytes);
  if (!first.ok) throw new Error(`upload: ${first.status}`);
  return codeOf(await send(Buffer.alloc(bytes.length)));
}

async function neverSent(drill: Drill): Promise<{ readonly code: string | null }> {
  const { uploadId, put } = await drill.openUpload(await ctOf(SEED));
  const bytes = await ctOf(SEED);
  await fetch(put.url, { method: 'PUT', headers: put.headers, body: new Uint8Array(bytes) });
  rmSync(join(drill.dataRoot, 'objects', 'uploads', uploadId, 'input'));
  return codeOf(await drill.post('/segment/liver', { uploadId }));
}

/** Fills the disk of the data root to the last byte. */
function fill(drill: Drill): void {
  const file = openSync(drill.seenByService('filler'), 'w');
  try {
    for (let bytes = 2 ** 20; bytes >= 1;) {
      try {
        writeSync(file, Buffer.alloc(bytes));
      } catch {
        bytes = Math.floor(bytes / 2);
      }
    }
  } finally {
    closeSync(file);
  }
}

const free = (drill: Drill): void => rmSync(drill.seenByService('filler'));

async function uploadOnFullDisk(drill: Drill): Promise<{ readonly code: string | null }> {
  const bytes = await ctOf(SEED);
  const { put } = await drill.openUpload(bytes);
  fill(drill);
  const answer = await fetch(put.url, { method: 'PUT', headers: put.headers, body: new Uint8Array(bytes) });
  free(drill);
  return codeOf(answer);
}

const DISK = '48m';
/** How long the disk stays full, s. */
const FULL_SECONDS = 5;

const fullDisk: Fault = {
  options: { disk: DISK },
  strike: async (drill) => fill(drill),
  release: async (drill, { release }) => {
    await release();
    await sleep(FULL_SECONDS * 1000);
    free(drill);
  },
};
const HOW_FULL = `the disk of the data root is full to the last byte, for ${FULL_SECONDS} s`;

const refusal = (row: Cell['row'], how: string, code: string, run: Cell['run']): Cell => ({
  row,
  column: 'upload',
  how,
  expected: refused(code),
  boundSeconds: 10,
  fast: false,
  run,
});

export const FILE_CELLS: readonly Cell[] = [
  refusal(
    'input-truncated',
    'the upload breaks off half-way, and is submitted',
    'UPLOAD_INCOMPLETE',
    onRefusal({}, brokenOff),
  ),
  refusal(
    'input-replaced',
    'other bytes are sent to the same signed link',
    'OBJECT_EXISTS',
    onRefusal({}, sentTwice),
  ),
  refusal(
    'input-deleted',
    'the upload is removed before it is submitted',
    'UPLOAD_INCOMPLETE',
    onRefusal({}, neverSent),
  ),
  ...(Object.keys(DAMAGES) as DamageRow[]).flatMap(damageCells),
  refusal('disk-full', HOW_FULL, 'DISK_FULL', onRefusal({ disk: DISK }, uploadOnFullDisk)),
  ...cellsOf({
    row: 'disk-full',
    how: HOW_FULL,
    fault: { ...fullDisk, reach: beforeFetch },
    expected: failed('DISK_FULL'),
    columns: ['fetch'],
    boundSeconds: 90,
  }),
  ...cellsOf({
    row: 'disk-full',
    how: HOW_FULL,
    fault: { ...fullDisk, reach: (drill) => inStage(drill, '"stage":"package"') },
    expected: failed('DISK_FULL'),
    columns: ['publish'],
    boundSeconds: 90,
  }),
  ...cellsOf({
    row: 'disk-full',
    how: HOW_FULL,
    fault: fullDisk,
    expected: {
      prepare: failed('DISK_FULL'),
      segment: failed('DISK_FULL'),
      measure: failed('DISK_FULL'),
    },
    columns: ['prepare', 'segment', 'measure', 'status'],
    boundSeconds: 90,
  }),
];
