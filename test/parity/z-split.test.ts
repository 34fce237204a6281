import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { runProcess } from '../../adapters/run-process.ts';
import { compareMasks } from '../../bench/parity/compare.ts';
import { PARITY_SEED } from '../../bench/parity/geometries.ts';
import { plainCommand, plainInput, preparePlainTools } from '../../bench/plain-tools.ts';
import { benchMachine, type BenchMachine } from '../../bench/warm-engine.ts';
import { engineCallOf } from '../../core/models/catalogue.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import { engineAnswer } from '../fixtures/engine-python.ts';

let scratch: string;
let machine: BenchMachine;
let ct: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'hpb-split-'));
  machine = await benchMachine();
  ct = join(scratch, 'ct.nii.gz');
  const grid = phantomGrid('small', { dims: [48, 40, 40] });
  await writeNifti(ct, makePhantom({ seed: PARITY_SEED, grid }).ct);
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Liver by the 1.5 mm models, which TotalSegmentator splits when the image is large. */
const call = () => engineCallOf('liver', { fast: false, folds: [0], tta: false }, machine.weights);

/** The plain command with `--force_split`. */
async function plainMask(): Promise<string> {
  const { venv, threads, weights } = machine;
  const tools = await preparePlainTools({ venv, threads, weights, scratch: join(scratch, 'plain') });
  const command = plainCommand(call(), await plainInput(tools, ct), join(scratch, 'plain-mask'));
  const { exitCode, tail } = await runProcess({
    command: join(tools.bin, command.program),
    args: [...command.argv, '--force_split'],
    environment: tools.environment,
  });
  expect(exitCode, tail.join('\n')).toBe(0);
  return command.mask;
}

/** The engine host's own code with the size from which it splits lowered; says how many parts it made. */
function ourMask(): { mask: string; parts: number } {
  const mask = join(scratch, 'ours.nii.gz');
  const script = `
import os
import torch
import totalseg
from engines import Engines
from environment import Guard, Scratch
from protocol import Replies
from run_context import RunContext

ct, call, mask, threads = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], int(sys.argv[4])
totalseg.SPLIT_VOXELS = totalseg.SPLIT_SLICES = 0
pieces_joined = []
join_parts = totalseg.join_parts
totalseg.join_parts = lambda pieces: pieces_joined.append(len(pieces)) or join_parts(pieces)

def answer():
    scratch, device = Scratch(), torch.device('cpu')
    replies = Replies(os.open(os.devnull, os.O_WRONLY))
    try:
        engines = Engines(device, threads, scratch, Guard())
        engines.run(engines.open(ct), call, mask, RunContext(1, replies, device))
    finally:
        scratch.remove()
    return pieces_joined
`;
  const args = [ct, JSON.stringify(call()), mask, String(machine.threads)];
  const [parts] = engineAnswer(script, args) as [number];
  return { mask, parts };
}

describe('a volume so large that TotalSegmentator predicts it in three parts', () => {
  it('gets the voxels of the plain command', { timeout: 600_000 }, async () => {
    const { mask, parts } = ourMask();

    expect(parts).toBe(3);
    expect(await compareMasks(await plainMask(), mask, [1])).toMatchObject({
      verdict: 'identical',
      differing: 0,
      affineDifference: 0,
    });
  });

  it('is split from the size on from which TotalSegmentator splits, and joined without a seam', () => {
    const script = `
import numpy as np
import totalseg
from totalseg import join_parts, z_parts

def parts(*shape):
    return len(z_parts(shape))

def joined(slices):
    totalseg.SPLIT_VOXELS = totalseg.SPLIT_SLICES = 0
    labels = np.arange(slices * 2).reshape(slices, 2)
    pieces = [labels[part] for part in z_parts((2, 1, slices))]
    return len(pieces), bool(np.array_equal(join_parts(pieces), labels))

def answer():
    sizes = [parts(512, 512, 900), parts(512, 512, 901), parts(1100, 1100, 200), parts(1100, 1100, 201)]
    return [sizes, [joined(slices) for slices in (66, 67, 68, 301)]]
`;

    expect(engineAnswer(script)).toEqual([
      [1, 3, 1, 3],
      [
        [3, true],
        [3, true],
        [3, true],
        [3, true],
      ],
    ]);
  });
});
