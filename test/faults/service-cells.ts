import { gunzipSync } from 'node:zlib';
import { readNiftiLabels } from './read-labels.ts';
import { gaps, type Cell, type Ending, type Gap } from './cell.ts';
import { SEED, whilePreparing, type Reached } from './columns.ts';
import { ctOf, type Drill } from './drill.ts';
import { onRefusal, type Fault } from './process-cell.ts';
import { cellsOf, failed, WELL, WORKING } from './process-cells.ts';
import { SHORT_PATIENCE, SHORT_PLAN, SHORT_PREPARATION } from './substitutions.ts';

const HOUR_MS = 3_600_000;
const CANCELLED: Ending = { state: 'CANCELLED', code: 'CANCELLED', kept: 'upload' };

/** A second service on the same folder has to end by itself, with the exit code for a folder that is taken. */
async function secondIsRefused(drill: Drill): Promise<void> {
  const second = drill.start();
  const url = await second.url().catch(() => null);
  await second.stop('SIGKILL');
  if (url !== null || second.child.exitCode !== 15)
    throw new Error(`the second service ended with ${second.child.exitCode}`);
}

const cancels: Fault['strike'] = async (drill, { jobId }) => {
  const answer = await drill.service.fetch(`/jobs/${jobId}`, { method: 'DELETE' });
  if (!answer.ok) throw new Error(`cancel: ${answer.status} ${await answer.text()}`);
};

const doesNotCancel: Fault['strike'] = async (drill, { jobId }) => {
  const answer = await drill.service.fetch(`/jobs/${jobId}`, { method: 'DELETE' });
  const { code } = (await answer.json()) as { code: string };
  if (code !== 'JOB_FINISHED') throw new Error(`cancel after the end: ${answer.status} ${code}`);
};

/** Nothing moves any more until the time is over. */
const staysAsItIs: Pick<Fault, 'strike' | 'release'> = {
  strike: async () => undefined,
  release: async (drill, { jobId, release }) => {
    if (jobId !== null) await drill.ended(jobId, 60);
    await release();
  },
};

/** An engine that neither obeys nor ends, nor does the process that it has started. */
async function withStubbornEngine(drill: Drill): Promise<Reached> {
  drill.engineDoes('stubborn');
  const { jobId } = await drill.send(await ctOf(SEED));
  return { jobId, release: async () => drill.engineDoes('ok') };
}

async function uploadStandsStill(drill: Drill): Promise<{ readonly code: string }> {
  const bytes = await ctOf(SEED);
  const { put } = await drill.openUpload(bytes);
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new Uint8Array(bytes.subarray(0, bytes.length / 2))),
  });
  const answer = await fetch(put.url, { method: 'PUT', headers: put.headers, body, duplex: 'half' });
  return (await answer.json()) as { code: string };
}

async function isRejectedAsEmpty(drill: Drill, jobId: string): Promise<void> {
  const answer = await drill.service.fetch(`/jobs/${jobId}/cases/c0001/files/liver.nii.gz`);
  const isEmpty = readNiftiLabels(gunzipSync(await answer.bytes())).every((label) => label === 0);
  const { quality } = await drill.metadataOf(jobId);
  if (!isEmpty || quality.verdict !== 'reject') throw new Error(`an empty mask is judged ${quality.verdict}`);
}

const OF_ENGINE =
  'a mask is there from the end of segment on; what is wrong with it is found before it is measured';

export const SERVICE_CELLS: readonly Cell[] = [
  ...cellsOf({
    row: 'two-servers',
    how: 'a second `hpb serve` on the same folder, which ends with exit code 15',
    fault: { strike: secondIsRefused },
    expected: WELL,
    columns: ['upload', 'prepare', ...WORKING, 'status'],
    boundSeconds: 30,
  }),
  ...cellsOf({
    row: 'clock-jump',
    how: 'wall clock of server and worker an hour ahead, then a day back before the next job',
    fault: {
      strike: async (drill) => drill.moveClock(HOUR_MS),
      mend: async (drill) => drill.moveClock(-24 * HOUR_MS),
    },
    expected: WELL,
    columns: ['upload', 'prepare', ...WORKING, 'status'],
    boundSeconds: 30,
  }),
  ...cellsOf({
    row: 'cancel',
    how: 'DELETE /jobs/{id} while the worker hears nothing',
    fault: { strike: cancels },
    expected: CANCELLED,
    columns: WORKING,
    boundSeconds: 15,
    fast: ['measure'],
  }),
  ...cellsOf({
    row: 'cancel',
    how: 'DELETE /jobs/{id} while its preparation stands still',
    fault: { reach: whilePreparing, strike: cancels },
    expected: CANCELLED,
    columns: ['prepare'],
    boundSeconds: 30,
  }),
  ...cellsOf({
    row: 'cancel',
    how: 'DELETE /jobs/{id} of a job that has ended is refused (JOB_FINISHED)',
    fault: { strike: doesNotCancel },
    expected: WELL,
    columns: ['status'],
    boundSeconds: 15,
  }),
  {
    row: 'timeout',
    column: 'upload',
    how: 'half an upload, then nothing for longer than may be (a minute, here a second)',
    expected: { state: 'REFUSED', code: 'REQUEST_TOO_SLOW', kept: 'nothing' },
    boundSeconds: 10,
    fast: false,
    run: onRefusal({ substitutions: SHORT_PATIENCE }, uploadStandsStill),
  },
  ...cellsOf({
    row: 'timeout',
    how: 'the preparation stands still for longer than may be (15 min, here 2 s)',
    fault: { options: { substitutions: SHORT_PREPARATION }, reach: whilePreparing, ...staysAsItIs },
    expected: failed('JOB_TIMEOUT'),
    columns: ['prepare'],
    boundSeconds: 60,
  }),
  ...cellsOf({
    row: 'timeout',
    how: 'the worker stands still for longer than its attempt may take (10 min and more, here 10 s)',
    fault: {
      options: { substitutions: SHORT_PLAN, environment: { HPB_MODEL_TIMEOUT_SECONDS: '2' } },
      ...staysAsItIs,
    },
    expected: failed('JOB_TIMEOUT'),
    columns: ['fetch', 'measure', 'publish'],
    boundSeconds: 60,
  }),
  ...cellsOf({
    row: 'timeout',
    how: 'the engine, with a process of its own, answers nothing for longer than a model may take (30 min, here 2 s)',
    fault: {
      options: { environment: { HPB_MODEL_TIMEOUT_SECONDS: '2' } },
      reach: withStubbornEngine,
      ...staysAsItIs,
    },
    expected: failed('ENGINE_TIMEOUT'),
    columns: ['segment'],
    boundSeconds: 30,
  }),
  ...cellsOf({
    row: 'mask-empty',
    how: 'the engine writes a mask without a single voxel: a result, with the verdict `reject`',
    fault: {
      strike: async () => undefined,
      release: async (drill) => drill.engineDoes('empty'),
      isRight: isRejectedAsEmpty,
      mend: async (drill) => drill.engineDoes('ok'),
    },
    expected: WELL,
    columns: ['segment'],
    boundSeconds: 20,
  }),
  ...cellsOf({
    row: 'mask-wrong-shape',
    how: 'the engine writes a mask whose axes are swapped',
    fault: {
      strike: async () => undefined,
      release: async (drill) => drill.engineDoes('reshaped'),
      mend: async (drill) => drill.engineDoes('ok'),
    },
    expected: failed('ENGINE_OUTPUT_MISMATCH'),
    columns: ['segment'],
    boundSeconds: 20,
    fast: ['segment'],
  }),
];

export const SERVICE_GAPS: readonly Gap[] = [
  ...gaps('cancel', ['upload'], 'there is no job yet; an upload that is given up is removed by its age'),
  ...gaps('timeout', ['status'], 'the job has ended: no time of its own runs any more'),
  ...gaps('mask-empty', ['upload', 'prepare', 'fetch', 'measure', 'publish', 'status'], OF_ENGINE),
  ...gaps('mask-wrong-shape', ['upload', 'prepare', 'fetch', 'measure', 'publish', 'status'], OF_ENGINE),
];
