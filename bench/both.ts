/**
 * `both` (liver fast and Task008 fold 0 of one CT) through the warm engine host against the two plain commands,
 * run cold as a user would: same CT, same weights, same threads, rounds interleaved.
 *
 * npm run bench:both -- [--ct FILE...] [--rounds 3] [--full-size]
 *
 * Prints medians and ours / plain (target 0.35 with the demo networks on 2 cores), and the same for what is left
 * without the networks' forward passes. Forward time: outermost torch module calls on the plain side
 * (bench/forward), the host's own `forwardSeconds` on ours.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { stdout } from 'node:process';
import { writeNifti } from '../adapters/nifti-file.ts';
import type { EngineCall } from '../core/engine-protocol.ts';
import { engineCallOf, REQUEST_MODELS, type SegmentOptions } from '../core/models/catalogue.ts';
import type { Engine } from '../core/engine-port.ts';
import { makePhantom, phantomGrid } from '../core/volume/phantom.ts';
import { machineFacts, median } from './figures.ts';
import { plainInput, preparePlainTools, runPlain, type PlainTools } from './plain-tools.ts';
import { benchMachine, warmEngine, withFullSizeWeights, type BenchMachine } from './warm-engine.ts';
import { commandOptions } from '../scripts/command-options.ts';

const TARGET = 0.35;
const OPTIONS: SegmentOptions = { fast: true, folds: [0], tta: false };
const PHANTOM_SEED = 90_002;

/** Seconds of one case on one side. */
interface CaseTime {
  readonly wall: number;
  readonly forward: number;
}

async function plainCase(tools: PlainTools, ct: string, calls: readonly EngineCall[]): Promise<CaseTime> {
  const input = await plainInput(tools, ct);
  let total: CaseTime = { wall: 0, forward: 0 };
  for (const call of calls) {
    const { seconds, forwardSeconds } = await runPlain(tools, call, input, true);
    total = { wall: total.wall + seconds, forward: total.forward + (forwardSeconds ?? 0) };
  }
  return total;
}

async function warmCase(
  engine: Engine,
  ct: string,
  calls: readonly EngineCall[],
  folder: string,
): Promise<CaseTime> {
  const start = performance.now();
  const opened = await engine.open(ct);
  let forward = 0;
  for (const [at, call] of calls.entries()) {
    const output = join(folder, `both-${at}.nii.gz`);
    forward += (await opened.run({ call, output, onProgress: () => undefined })).forwardSeconds;
  }
  await opened.close();
  return { wall: (performance.now() - start) / 1000, forward };
}

function report(name: string, plain: readonly CaseTime[], ours: readonly CaseTime[]): void {
  const lines = [
    ['wall', ({ wall }: CaseTime) => wall],
    ['forward', ({ forward }: CaseTime) => forward],
    ['wall - forward', ({ wall, forward }: CaseTime) => wall - forward],
  ] as const;
  for (const [title, of] of lines) {
    const a = median(plain.map(of));
    const b = median(ours.map(of));
    const target = title === 'wall' ? ` (target <= ${TARGET})` : '';
    const ratio = (b / a).toFixed(3);
    stdout.write(
      `${name} ${title}: plain ${a.toFixed(2)} s, ours ${b.toFixed(2)} s, ours / plain ${ratio}${target}\n`,
    );
  }
}

async function benchCase(
  sides: { readonly tools: PlainTools; readonly engine: Engine; readonly folder: string },
  machine: BenchMachine,
  ct: string,
  rounds: number,
): Promise<void> {
  const calls = REQUEST_MODELS['both']!.map((id) => engineCallOf(id, OPTIONS, machine.weights));
  const plain: CaseTime[] = [];
  const ours: CaseTime[] = [];
  for (let round = 0; round < rounds; round++) {
    plain.push(await plainCase(sides.tools, ct, calls));
    ours.push(await warmCase(sides.engine, ct, calls, sides.folder));
  }
  report(basename(ct), plain, ours);
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    ct: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '3' },
    'full-size': { type: 'boolean', default: false },
  });
  const scratch = await mkdtemp(join(tmpdir(), 'hpb-both-'));
  const found = await benchMachine();
  const machine = values['full-size'] ? await withFullSizeWeights(found, join(scratch, 'weights')) : found;
  const engine = warmEngine(machine, join(scratch, 'engine'));
  try {
    const { venv, weights, threads } = machine;
    const tools = await preparePlainTools({ venv, weights, threads, scratch: join(scratch, 'plain') });
    const phantom = join(scratch, 'phantom.nii.gz');
    await writeNifti(phantom, makePhantom({ seed: PHANTOM_SEED, grid: phantomGrid('small') }).ct);
    stdout.write(
      `${machineFacts(await engine.hello())}, ${threads} threads, ${machine.weightsKind} weights, ` +
        `median of ${values.rounds} rounds\n`,
    );
    const calls = REQUEST_MODELS['both']!.map((id) => engineCallOf(id, OPTIONS, weights));
    // Warm means that the networks are loaded; a service loads them once for all its cases.
    await warmCase(engine, phantom, calls, scratch);
    const cts = values.ct.length > 0 ? values.ct.map((path) => resolve(path)) : [phantom];
    for (const ct of cts)
      await benchCase({ tools, engine, folder: scratch }, machine, ct, Number(values.rounds));
  } finally {
    await engine.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

await main();
