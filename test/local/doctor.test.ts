import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSettings } from '../../core/settings.ts';
import { gpuLine, runDoctor, type DoctorLine } from '../../local/doctor.ts';
import { markComplete, markUnfinished } from '../../local/engine-environment/environment-state.ts';
import { fakeSet, writeTree } from '../fixtures/weights.ts';

const checkout = join(import.meta.dirname, '..', '..');
const fixtureBin = join(checkout, 'test', 'fixtures', 'bin');
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hpb-doctor-'));
  await cp(
    join(checkout, 'container/engine/requirements.lock'),
    join(root, 'container/engine/requirements.lock'),
    { recursive: true },
  );
});

afterEach(() => rm(root, { recursive: true }));

const examine = (settings: Record<string, string> = {}, path = process.env.PATH) =>
  runDoctor({
    settings: parseSettings({ HPB_DATA_ROOT: join(root, 'data'), ...settings }),
    packageRoot: root,
    environment: { PATH: path, HOME: process.env.HOME },
  });

const lineOf = (lines: readonly DoctorLine[], name: string): DoctorLine =>
  lines.find((line) => line.name.startsWith(name)) ?? expect.fail(`no line ${name}`);

it('sends a fresh machine to set-up, and gives a remedy with every line that is not ok', async () => {
  const report = await examine();

  expect(report.ok).toBe(false);
  expect(lineOf(report.lines, 'Engines')).toMatchObject({
    status: 'fail',
    remedy: expect.stringContaining('hpb setup') as string,
  });
  expect(report.lines.filter(({ status, remedy }) => (status === 'ok') !== (remedy === ''))).toEqual([]);
});

it('does not take an interrupted installation, or one of other versions, for whole', async () => {
  const venv = join(root, 'data', 'venv');
  await markUnfinished(venv);
  const interrupted = lineOf((await examine()).lines, 'Engines');
  await markComplete(venv, { version: 1, lockSha256: '', python: '3.11.7', versions: { torch: '1.0' } });
  const other = lineOf((await examine()).lines, 'Engines');

  expect(interrupted.status).toBe('fail');
  expect(other).toMatchObject({ status: 'fail', found: expect.stringContaining('instead of') as string });
});

it('names the Python that does not fit', async () => {
  const { lines } = await examine({}, join(fixtureBin, 'python-3.13'));

  expect(lineOf(lines, 'Python')).toMatchObject({
    status: 'fail',
    found: expect.stringContaining('3.13.0') as string,
  });
});

it('fails when both engines are given one folder for weights', async () => {
  const shared = join(root, 'weights');
  const { lines } = await examine({ RESULTS_FOLDER: shared, TOTALSEG_WEIGHTS_PATH: `${shared}/` });

  expect(lineOf(lines, 'Weight folders').status).toBe('fail');
});

it('tells real weights from missing ones', async () => {
  await writeTree(join(root, 'data/models/nnunet_v1'), fakeSet('task008'));

  const { lines } = await examine();

  expect(lineOf(lines, 'Weights task008').status).toBe('ok');
  expect(lineOf(lines, 'Weights liver --fast')).toMatchObject({ status: 'warn', found: 'not installed' });
});

it.each([
  [4e9, 'warn', '4.0 GB'],
  [8e9, 'ok', '8.0 GB'],
])('goes by the memory that may be used (%d bytes: %s)', async (bytes, status, found) => {
  const { lines } = await runDoctor({
    settings: parseSettings({ HPB_DATA_ROOT: join(root, 'data') }),
    packageRoot: root,
    environment: { PATH: '' },
    memoryPresent: async () => bytes,
  });

  expect(lineOf(lines, 'Memory')).toMatchObject({ status, found: expect.stringContaining(found) as string });
});

it('fails when a GPU is asked for that is not there', async () => {
  const { lines } = await examine({ HPB_DEVICE: 'cuda' }, fixtureBin);

  expect(lineOf(lines, 'GPU').status).toBe('fail');
});

it('asks the driver for the card', async () => {
  const { lines } = await examine({}, [join(fixtureBin, 't4'), '/bin'].join(delimiter));

  expect(lineOf(lines, 'GPU Tesla T4')).toMatchObject({
    status: 'warn',
    found: expect.stringContaining('driver 535.183.01, compute capability 7.5, 15360 MiB') as string,
  });
});

describe('a card and a torch', () => {
  const card = (computeCapability: string) => ({ name: 'x', driver: '1', computeCapability, memoryMib: 1 });
  const torch = (architectures: string[]) => ({
    version: '2.13.0',
    cuda: '12.8',
    usable: true,
    architectures,
  });

  it.each([
    ['7.5', ['sm_75', 'sm_80'], 'ok'],
    ['8.6', ['sm_80'], 'ok'],
    ['9.0', ['sm_90a'], 'ok'],
    ['12.0', ['sm_120'], 'ok'],
    ['12.0', ['sm_90', 'compute_90'], 'ok'],
    ['7.0', ['sm_75', 'sm_80'], 'warn'],
    ['12.0', ['sm_75', 'sm_90'], 'warn'],
  ])('of capability %s with %j is %s', (capability, architectures, status) => {
    expect(gpuLine(card(capability), torch(architectures), false).status).toBe(status);
  });

  it('is a failure when CUDA is asked for and torch is a CPU build', () => {
    const cpu = { version: '2.13.0+cpu', cuda: null, usable: false, architectures: [] };

    expect(gpuLine(card('7.5'), cpu, true)).toMatchObject({ status: 'fail' });
  });
});
