/**
 * The parity table: our masks against those of the plain `nnUNet_predict` and `TotalSegmentator` commands with the
 * same options and weights, on phantoms and on any CT given.
 *
 * npm run parity -- [--ct FILE...] [--rows ID,...] [--geometries ID,...|none] [--quick] [--json] [--keep DIR]
 *
 * Exit code 0 only if every row is voxel- and affine-identical and none is vacuous.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { stderr, stdout } from 'node:process';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { HpbError } from '../../core/errors.ts';
import { makePhantom } from '../../core/volume/phantom.ts';
import { machineFacts, median } from '../figures.ts';
import { preparePlainTools } from '../plain-tools.ts';
import { benchMachine, warmEngine } from '../warm-engine.ts';
import { PARITY_GEOMETRIES, PARITY_SEED } from './geometries.ts';
import { PARITY_ROWS } from './rows.ts';
import { compareCase, passed, type ParityCase, type ParityResult, type ParitySides } from './run.ts';
import { resultLine, TABLE_HEAD } from './table.ts';
import { commandOptions } from '../../scripts/command-options.ts';

const QUICK = { rows: ['liver-fast', 'task008'], geometries: ['LPS', 'oblique'] } as const;

interface Selection {
  readonly rows: typeof PARITY_ROWS;
  readonly geometries: typeof PARITY_GEOMETRIES;
  readonly cts: readonly string[];
  readonly json: boolean;
  readonly keep: string | undefined;
}

function parseSelection(): Selection {
  const values = commandOptions(import.meta.filename, {
    ct: { type: 'string', multiple: true, default: [] },
    rows: { type: 'string' },
    geometries: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    keep: { type: 'string' },
  });
  const rows = values.rows?.split(',') ?? (values.quick ? QUICK.rows : undefined);
  const geometries = values.geometries?.split(',') ?? (values.quick ? QUICK.geometries : undefined);
  return {
    rows: pick(PARITY_ROWS, rows, 'rows'),
    geometries: geometries?.[0] === 'none' ? [] : pick(PARITY_GEOMETRIES, geometries, 'geometries'),
    cts: values.ct,
    json: values.json,
    keep: values.keep,
  };
}

function pick<T extends { readonly id: string }>(
  all: readonly T[],
  wanted: readonly string[] | undefined,
  option: string,
): readonly T[] {
  if (wanted === undefined) return all;
  return wanted.map((id) => {
    const found = all.find((candidate) => candidate.id === id);
    if (found !== undefined) return found;
    throw new HpbError('USAGE', `--${option} does not know ${JSON.stringify(id)}.`, {
      remedy: `Choose among ${all.map((known) => known.id).join(', ')}.`,
    });
  });
}

async function* subjects(selection: Selection, folder: string): AsyncGenerator<ParityCase> {
  await mkdir(folder, { recursive: true });
  for (const { id, grid } of selection.geometries) {
    const ct = join(folder, `${id}.nii.gz`);
    await writeNifti(ct, makePhantom({ seed: PARITY_SEED, grid }).ct);
    yield { id, ct };
  }
  for (const ct of selection.cts) yield { id: basename(ct).replace(/\.nii(\.gz)?$/, ''), ct: resolve(ct) };
}

async function compareAll(selection: Selection, sides: ParitySides): Promise<ParityResult[]> {
  const { rows, geometries, cts, json } = selection;
  const total = rows.length * (geometries.length + cts.length);
  const results: ParityResult[] = [];
  for await (const subject of subjects(selection, join(sides.scratch, 'ct'))) {
    for await (const result of compareCase(sides, subject, rows)) {
      results.push(result);
      stdout.write(`${json ? JSON.stringify(result) : resultLine(result)}\n`);
      if (stderr.isTTY) stderr.write(`${results.length} of ${total} compared\r`);
    }
  }
  return results;
}

async function main(): Promise<number> {
  const selection = parseSelection();
  const machine = await benchMachine();
  const scratch = selection.keep ?? (await mkdtemp(join(tmpdir(), 'hpb-parity-')));
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const engine = warmEngine(machine, join(scratch, 'engine'));
  try {
    const { venv, weights, threads } = machine;
    const plain = { venv, weights, threads, scratch: join(scratch, 'plain'), signal: interrupted.signal };
    const tools = await preparePlainTools(plain);
    const facts = `${machineFacts(await engine.hello())}, ${threads} threads, ${machine.weightsKind} weights`;
    stderr.write(`${facts}\n`);
    if (!selection.json) stdout.write(`${TABLE_HEAD}\n`);
    const results = await compareAll(selection, { tools, engine, weights, scratch });
    const identical = results.filter(passed).length;
    const ratios = results.flatMap(({ plainSeconds, oursSeconds }) =>
      plainSeconds === null || oursSeconds === null ? [] : [oursSeconds / plainSeconds],
    );
    stderr.write(
      `${identical} of ${results.length} identical; median of our seconds / plain seconds ${median(ratios).toFixed(2)}\n`,
    );
    return results.length > 0 && identical === results.length ? 0 : 1;
  } finally {
    await engine.stop();
    if (selection.keep === undefined) await rm(scratch, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (thrown) {
  if (!(thrown instanceof HpbError)) throw thrown;
  stderr.write(`${thrown.code}: ${thrown.message}\n${thrown.remedy}\n`);
  process.exitCode = 1;
}
