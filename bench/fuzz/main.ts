/**
 * Structured fuzzing of the readers of hostile input against an independent oracle in Python: what both accept must be
 * equal in voxels, affine and scaling, what one refuses the other must refuse for the same rule. Inputs are made from
 * recipes, and by mutation of phantoms and of real files.
 *
 * npm run fuzz -- [--inputs 10000] [--seed 1] [--only nifti|archive] [--ct FILE]... [--keep DIR] [--json] [--record]
 *
 * `--inputs`: of each kind. `--ct`: a real CT whose header and first slices are used as well. `--keep`: where inputs
 * with findings go. `--record` writes docs/fuzz.json, from which `npm run docs` makes docs/reference/fuzz.md.
 * Exit code 1 when there is a finding or less than 30 % of the inputs are valid.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, stdout } from 'node:process';
import { machinePaths, venvPython } from '../../adapters/machine-paths.ts';
import { parseSettings } from '../../core/settings.ts';
import { machineFacts } from '../figures.ts';
import { PACKAGE_ROOT } from '../warm-engine.ts';
import { contests } from './contests.ts';
import { fuzzRun } from './fuzz-run.ts';
import { Oracle, type InputKind } from './oracle.ts';
import { realFiles } from './real-files.ts';
import { recordOf, tableOf, type FuzzRecord, type FuzzRunRecord } from './record.ts';
import { commandOptions } from '../../scripts/command-options.ts';

const LEAST_VALID = 0.3;
const RECORD = join(PACKAGE_ROOT, 'docs', 'fuzz.json');
const KINDS: readonly InputKind[] = ['nifti', 'archive'];

/** Keeps what was recorded of the kinds that were not run. */
async function record(run: FuzzRunRecord): Promise<void> {
  const text = await readFile(RECORD, 'utf8').catch(() => '{"records": []}');
  const before = (JSON.parse(text) as FuzzRunRecord).records;
  const records = KINDS.flatMap((kind) => [...run.records, ...before].find((one) => one.kind === kind) ?? []);
  await writeFile(RECORD, `${JSON.stringify({ ...run, records }, null, 2)}\n`);
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    inputs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    ct: { type: 'string', multiple: true, default: [] },
    keep: { type: 'string' },
    json: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  });
  const scratch = await mkdtemp(join(tmpdir(), 'hpb-fuzz-'));
  const oracle = new Oracle(venvPython(machinePaths(parseSettings(env), PACKAGE_ROOT).venv));
  try {
    const [inputs, seed] = [Number(values.inputs), Number(values.seed)];
    const all = contests({ oracle, inputs, seed, real: await realFiles(values.ct) });
    const records: FuzzRecord[] = [];
    for (const kind of KINDS.filter((one) => values.only === undefined || values.only === one)) {
      const where = { scratch, ...(values.keep !== undefined && { keep: values.keep }) };
      const counts =
        kind === 'nifti'
          ? await fuzzRun({ ...all.nifti, ...where })
          : await fuzzRun({ ...all.archive, ...where });
      records.push(recordOf(kind, seed, counts));
    }
    const run = { machine: `${machineFacts()}, load ${loadavg()[0]!.toFixed(1)}`, records };
    if (values.record) await record(run);
    stdout.write(values.json ? `${JSON.stringify(run, null, 2)}\n` : tableOf(run));
    const bad = records.some(({ findings, valid }) => findings.length > 0 || valid < LEAST_VALID);
    process.exitCode = bad ? 1 : 0;
  } finally {
    await oracle.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

await main();
