import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNifti, writeNifti } from '../../adapters/nifti-file.ts';
import { metadataSchema } from '../../core/results/metadata-schema.ts';
import { makePhantom, phantomGrid, type Phantom } from '../../core/volume/phantom.ts';
import { LIVER_ORGAN_LABELS, PHANTOM_LABELS } from '../../core/volume/phantom/labels.ts';
import { hpb, startNode, type CommandResult } from '../fixtures/hpb-command.ts';
import { marksBelow, marksIn, PATIENT_MARKS, withPatientText } from '../fixtures/patient-text.ts';

const SEEDS = [2, 3] as const;

let folder: string;
let result: CommandResult;
const phantoms = new Map<number, Phantom>();

const dice = (
  found: ArrayLike<number>,
  isFound: (v: number) => boolean,
  truth: Uint8Array,
  isTrue: (v: number) => boolean,
) => {
  let [both, a, b] = [0, 0, 0];
  for (let at = 0; at < truth.length; at += 1) {
    const [f, t] = [isFound(found[at]!), isTrue(truth[at]!)];
    a += Number(f);
    b += Number(t);
    both += Number(f && t);
  }
  return (2 * both) / (a + b);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hpb-segment-'));
  for (const seed of SEEDS) {
    const phantom = makePhantom({ seed, grid: phantomGrid('small') });
    phantoms.set(seed, phantom);
    await mkdir(join(folder, `patient${seed}`));
    await writeNifti(join(folder, `patient${seed}`, 'raw.nii.gz'), phantom.ct);
  }
  // The CT of patient 2 carries text about a patient, as those of scanners do.
  const named = join(folder, 'patient2', 'raw.nii.gz');
  await writeFile(named, gzipSync(withPatientText(gunzipSync(await readFile(named))), { level: 1 }));
  const good = await readFile(join(folder, 'patient2', 'raw.nii.gz'));
  await writeFile(join(folder, 'cut.nii.gz'), good.subarray(0, good.length / 2));
  await writeFile(join(folder, 'letter.nii.gz'), 'Dear colleague');
  const inputs = ['patient2/raw.nii.gz', 'cut.nii.gz', 'letter.nii.gz', 'patient3/raw.nii.gz'];
  result = await hpb(
    ['segment', ...inputs.map((input) => join(folder, input)), '--out', join(folder, 'out'), '--json'],
    { HPB_DATA_ROOT: join(folder, 'data'), HPB_WEIGHTS: 'demo', HPB_LOG_LEVEL: 'debug' },
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const events = () =>
  result.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; input?: string; error?: { code: string } | null });

describe('hpb segment on two phantoms and two bad files', () => {
  it('ends with the exit code for some failures', () => {
    expect(result.code, result.stderr).toBe(3);
  });

  it('names each bad file with its reason and finishes the others', () => {
    const cases = events().filter(({ event }) => event === 'case');
    const codes = Object.fromEntries(
      cases.map(({ input, error }) => [input!.slice(folder.length + 1), error?.code]),
    );

    expect(codes).toEqual({
      'patient2/raw.nii.gz': undefined,
      'cut.nii.gz': 'NIFTI_TRUNCATED',
      'letter.nii.gz': 'NIFTI_NOT_NIFTI',
      'patient3/raw.nii.gz': undefined,
    });
    expect(events().at(-1)).toMatchObject({ event: 'finished', succeeded: 2, failed: 2 });
  });

  it('leaves results of the good ones only, and nothing half-written', () => {
    expect(readdirSync(join(folder, 'out')).sort()).toEqual([
      'patient2',
      'patient2_results.zip',
      'patient3',
      'patient3_results.zip',
    ]);
    expect(existsSync(join(folder, 'data', 'scratch', 'in'))).toBe(true);
    expect(readdirSync(join(folder, 'data', 'scratch', 'in'))).toEqual([]);
    expect(readdirSync(join(folder, 'data', 'scratch', 'out'))).toEqual([]);
  });

  it('repeats no text of the CT about its patient in masks, documents, ZIP, log or console', async () => {
    const input = join(folder, 'patient2', 'raw.nii.gz');

    expect(marksIn('input', await readFile(input))).toHaveLength(PATIENT_MARKS.length);
    expect(marksBelow(join(folder, 'out'))).toEqual([]);
    expect(marksBelow(join(folder, 'data'))).toEqual([]);
    expect(result.stderr).toContain('engine:ready');
    expect(marksIn('console', Buffer.from(result.stdout + result.stderr))).toEqual([]);
  });

  it('says DEMO in every document', async () => {
    for (const name of ['metadata.json', 'meta.json', 'run.json'])
      expect(await readFile(join(folder, 'out', 'patient2', name), 'utf8')).toContain('DEMO');
  });

  it.each(SEEDS)('finds the structures of patient %i', async (seed) => {
    const { truth } = phantoms.get(seed)!;
    const liver = await readNifti(join(folder, 'out', `patient${seed}`, 'liver.nii.gz'));
    const task008 = await readNifti(join(folder, 'out', `patient${seed}`, 'task008.nii.gz'));
    const organ = new Set<number>(LIVER_ORGAN_LABELS);

    expect(liver.grid).toEqual(truth.grid);
    expect(
      dice(
        liver.data,
        (v) => v === 1,
        truth.data,
        (v) => organ.has(v),
      ),
    ).toBeGreaterThanOrEqual(0.9);
    expect(
      dice(
        task008.data,
        (v) => v === 1,
        truth.data,
        (v) => v === PHANTOM_LABELS.liver_vessels,
      ),
    ).toBeGreaterThanOrEqual(0.6);
    expect(
      dice(
        task008.data,
        (v) => v === 2,
        truth.data,
        (v) => v === PHANTOM_LABELS.liver_tumor,
      ),
    ).toBeGreaterThanOrEqual(0.6);
  });

  it('measures the volume of the mask it ships', async () => {
    const base = join(folder, 'out', 'patient2');
    const metadata = metadataSchema.parse(JSON.parse(await readFile(join(base, 'metadata.json'), 'utf8')));
    const mask = await readNifti(join(base, 'liver.nii.gz'));
    const voxels = [...mask.data].filter((value) => value === 1).length;

    expect(metadata.structures.find(({ name }) => name === 'liver')!.volumeMl).toBeCloseTo(
      (voxels * 27) / 1000,
      2,
    );
  });

  it('packs the same files into the ZIP', async () => {
    const listing = execFileSync('python3', [
      '-c',
      'import sys,zipfile,hashlib,json\nz=zipfile.ZipFile(sys.argv[1]);assert z.testzip() is None\n' +
        'print(json.dumps({n:hashlib.sha256(z.read(n)).hexdigest() for n in z.namelist()}))',
      join(folder, 'out', 'patient3_results.zip'),
    ]);
    const base = join(folder, 'out', 'patient3');
    const unpacked: Record<string, string> = {};
    for (const entry of readdirSync(base, { withFileTypes: true, recursive: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      unpacked[relative(base, path)] = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
    }

    expect(JSON.parse(listing.toString())).toEqual(unpacked);
  });
});

/** Ids of living processes with `text` in their environment: the engine host has its scratch there. */
const processesOf = (text: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text);
    } catch {
      return false;
    }
  });

describe('Ctrl-C', () => {
  it('ends the engine within five seconds and leaves no result', async () => {
    const out = join(folder, 'cancelled');
    const data = join(folder, 'data-cancelled');
    const command = startNode(
      [
        'cli/hpb.js',
        'segment',
        join(folder, 'patient2', 'raw.nii.gz'),
        '--out',
        out,
        '--folds',
        '0,1',
        '--tta',
      ],
      { HPB_DATA_ROOT: data, HPB_WEIGHTS: 'demo' },
    );
    await command.printed('task008 predict');
    expect(processesOf(data).length).toBeGreaterThanOrEqual(2);
    const asked = performance.now();
    command.child.kill('SIGINT');
    const { code } = await command.ended;

    expect(code).toBe(130);
    expect(performance.now() - asked).toBeLessThan(5000);
    expect(readdirSync(out)).toEqual([]);
    expect(readdirSync(join(data, 'scratch', 'out'))).toEqual([]);
    expect(processesOf(data)).toEqual([]);
  });
});
