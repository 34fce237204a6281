import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineHost } from '../../../adapters/engine-host.ts';
import { machinePaths, venvPython } from '../../../adapters/machine-paths.ts';
import { readNifti, writeNifti } from '../../../adapters/nifti-file.ts';
import { systemClock } from '../../../adapters/system.ts';
import { engineHost } from '../../../container/wire.ts';
import type { EngineCall } from '../../../core/engine-protocol.ts';
import { weightSet } from '../../../core/models/weights.ts';
import type { EngineProgress } from '../../../core/engine-port.ts';
import { parseSettings } from '../../../core/settings.ts';
import { affinesAgree } from '../../../core/volume/orientation.ts';
import { makePhantom, phantomGrid } from '../../../core/volume/phantom.ts';
import { ROOT } from '../../fixtures/hpb-command.ts';
import { memoryLog } from '../../fixtures/memory-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'hpb-host-'));
const ct = join(folder, 'ct.nii.gz');
const totalSegmentatorRoot = join(folder, 'totalseg');
const nnunetV1Root = join(folder, 'nnunet_v1');
const task008 = weightSet('task008');
const modelFolder = join(nnunetV1Root, 'nnUNet', '3d_fullres', task008.folder, task008.trainer);
const grid = phantomGrid('small', { spacing: [6, 6, 6], dims: [60, 48, 44] });
/** The middle of a patient: one tile for each network, and yet all organs that are asked for. */
const middle = phantomGrid('small', { dims: [48, 40, 40] });
const middleCt = join(folder, 'middle.nii.gz');
const never = new AbortController().signal;

function hostOn(device: string): EngineHost {
  const settings = { ...parseSettings(process.env), HPB_DEVICE: device };
  const paths = machinePaths(settings, ROOT);
  const host = engineHost({ settings, packageRoot: ROOT, environment: process.env }, paths, folder);
  return new EngineHost({ host, log: memoryLog(), clock: systemClock, oomKills: async () => null });
}

const engine = hostOn('cpu');

const liver = (over: Partial<Extract<EngineCall, { engine: 'totalsegmentator' }>> = {}): EngineCall => ({
  engine: 'totalsegmentator',
  weightsRoot: totalSegmentatorRoot,
  task: 'total',
  roiSubset: ['liver'],
  fast: true,
  multilabel: false,
  ...over,
});

const vessels = (over: Partial<Extract<EngineCall, { engine: 'nnunet-v1' }>> = {}): EngineCall => ({
  engine: 'nnunet-v1',
  modelFolder,
  checkpoint: 'model_final_checkpoint',
  folds: [0],
  tta: false,
  ...over,
});

async function run(
  path: string,
  call: EngineCall,
  options: { signal?: AbortSignal; onProgress?: (p: EngineProgress) => void } = {},
) {
  const { signal = never, onProgress = () => undefined } = options;
  const opened = await engine.open(path);
  try {
    const output = join(folder, 'mask.nii.gz');
    rmSync(output, { force: true });
    return await opened.run({ call, output, onProgress, signal });
  } finally {
    await opened.close();
  }
}

/** The demo weights, with a rough model that is certain that nothing is liver. */
function blindToLivers(): string {
  const root = join(folder, 'blind');
  cpSync(totalSegmentatorRoot, root, { recursive: true });
  const { folder: name, trainer } = weightSet('ts298');
  const script = [
    'import sys, torch',
    'checkpoint = torch.load(sys.argv[1], weights_only=False)',
    'biases = [k for k in checkpoint["network_weights"] if "seg_layers" in k and k.endswith("bias")]',
    'for name in biases: checkpoint["network_weights"][name][5] = -1000',
    'torch.save(checkpoint, sys.argv[1])',
  ].join('\n');
  const checkpoint = join(root, name, trainer, 'fold_0', 'checkpoint_final.pth');
  execFileSync(venvPython(machinePaths(parseSettings(process.env), ROOT).venv), ['-c', script, checkpoint]);
  return root;
}

beforeAll(async () => {
  const demo = join(ROOT, 'container', 'engine', 'demo-weights');
  cpSync(join(demo, 'totalseg'), totalSegmentatorRoot, { recursive: true });
  cpSync(join(demo, 'nnunet_v1'), nnunetV1Root, { recursive: true });
  const phantom = makePhantom({ seed: 2, grid });
  await writeNifti(ct, phantom.ct);
  await writeNifti(middleCt, makePhantom({ seed: 90_005, grid: middle }).ct);
});
afterAll(async () => {
  await engine.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('the engine host', () => {
  it('tells its versions and its device', async () => {
    const { device, versions, deviceName } = await engine.hello();

    expect(device).toBe('cpu');
    expect(deviceName).toBeNull();
    expect(versions).toMatchObject({ nnunet: '1.7.1', nnunetv2: '2.6.0', totalsegmentator: '2.18.0' });
  });

  it('loads networks ahead of their run, and keeps to itself what it cannot load', async () => {
    await engine.load(vessels({ folds: [0, 1] }));
    await engine.load(vessels({ modelFolder: join(folder, 'nowhere') }));

    const { seconds } = await run(middleCt, vessels({ folds: [0, 1] }));

    expect(seconds.load).toBeLessThan(seconds.predict!);
    await expect(engine.load(liver({ weightsRoot: join(folder, 'nowhere') }))).resolves.toBeUndefined();
  });

  it('runs several models on CTs that are open at once, on the grid of each', async () => {
    const [a, b] = [await engine.open(ct), await engine.open(ct)];
    const output = join(folder, 'both.nii.gz');
    const first = await a.run({ call: liver(), output, onProgress: () => undefined, signal: never });
    const mask = await readNifti(output);
    const second = await b.run({ call: vessels(), output, onProgress: () => undefined, signal: never });
    await Promise.all([a.close(), b.close()]);

    expect(mask.grid).toEqual((await readNifti(ct)).grid);
    expect(first.labelVoxels['1']).toBeGreaterThan(1000);
    expect(second.tiles).toBeGreaterThan(0);
    expect(second.forwardSeconds).toBeGreaterThan(0);
    expect(second.peakRssBytes).toBeGreaterThan(2 ** 28);
  });

  const everything = { roiSubset: null, multilabel: true };
  it.each([
    ['liver, fast', liver(), { liver: 1 }],
    ['liver', liver({ fast: false }), { liver: 1 }],
    ['totalseg, fast', liver(everything), { spleen: 1, liver: 5 }],
    ['totalseg', liver({ ...everything, fast: false }), { liver: 5 }],
    [
      'liver_vessels',
      liver({ ...everything, fast: false, task: 'liver_vessels' }),
      { vessels: 1, tumours: 2 },
    ],
    ['task008, two folds', vessels({ folds: [0, 1] }), { vessels: 1, tumours: 2 }],
  ])('finds what %s is for, on the grid of the CT, offline', async (_, call, labels) => {
    const { labelVoxels, cropEmpty, device } = await run(middleCt, call);
    const mask = await readNifti(join(folder, 'mask.nii.gz'));

    expect({ cropEmpty, device }).toEqual({ cropEmpty: false, device: 'cpu' });
    for (const [name, label] of Object.entries(labels)) expect(labelVoxels[label], name).toBeGreaterThan(50);
    expect(mask.grid.dims).toEqual(middle.dims);
    expect(affinesAgree(middle, mask.grid.affine)).toBe(true);
  });

  it('reports every tile', async () => {
    const seen: EngineProgress[] = [];
    const { tiles } = await run(ct, vessels(), { onProgress: (progress) => seen.push(progress) });
    const predicted = seen.filter(({ stage }) => stage === 'predict');

    expect(predicted.at(-1)).toMatchObject({ done: tiles, total: tiles });
  });

  it('says that a crop is empty when the rough model finds no liver', async () => {
    const { cropEmpty, labelVoxels } = await run(ct, liver({ weightsRoot: blindToLivers() }));

    expect(cropEmpty).toBe(true);
    expect(labelVoxels).toEqual({});
  });

  it('obeys a cancel and stays warm', async () => {
    const stop = new AbortController();
    const { pid } = await engine.hello();
    const onProgress = ({ stage }: EngineProgress): void => void (stage === 'predict' && stop.abort());

    await expect(
      run(ct, vessels({ folds: [0, 1], tta: true }), { signal: stop.signal, onProgress }),
    ).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(existsSync(join(folder, 'mask.nii.gz'))).toBe(false);
    expect((await engine.hello()).pid).toBe(pid);
  });

  it.each([
    ['a fold that is not there', vessels({ folds: [3] }), 'WEIGHTS_MISSING'],
    ['a model folder that is not there', vessels({ modelFolder: '/nowhere' }), 'WEIGHTS_MISSING'],
    ['a dataset that is not there', liver({ weightsRoot: join(folder, 'empty') }), 'WEIGHTS_MISSING'],
    ['an unknown task', liver({ task: 'liver_of_elephants' }), 'BAD_OPTION'],
    ['an unknown class', liver({ roiSubset: ['antenna'] }), 'BAD_OPTION'],
    ['a binary mask of everything', liver({ roiSubset: null }), 'BAD_OPTION'],
  ])('refuses %s', async (_, call, code) => {
    await expect(run(ct, call)).rejects.toMatchObject({ code });
  });

  it('tells a broken checkpoint from a missing one', async () => {
    const broken = join(folder, 'broken');
    cpSync(totalSegmentatorRoot, broken, { recursive: true });
    const { folder: name, trainer } = weightSet('ts297');
    writeFileSync(join(broken, name, trainer, 'fold_0', 'checkpoint_final.pth'), 'no checkpoint');

    await expect(run(ct, liver({ weightsRoot: broken }))).rejects.toMatchObject({ code: 'WEIGHTS_CORRUPT' });
  });

  it('never touches weights, not even those that TotalSegmentator deletes', async () => {
    // TotalSegmentator removes $WEIGHTS/nnUNet/3d_fullres/Task008_HepaticVessel at every plain run.
    const canary = join(totalSegmentatorRoot, 'nnUNet', '3d_fullres', 'Task008_HepaticVessel');
    mkdirSync(canary, { recursive: true });
    writeFileSync(join(canary, 'canary'), 'alive');
    const before = readdirSync(folder, { recursive: true }).filter((path) => String(path).includes('fold_0'));
    await run(ct, liver());
    const after = readdirSync(folder, { recursive: true }).filter((path) => String(path).includes('fold_0'));

    expect(existsSync(join(canary, 'canary'))).toBe(true);
    expect(after).toEqual(before);
  });
});

describe('a GPU that was asked for by name', () => {
  it('is never replaced by the CPU in silence', async (context) => {
    const host = hostOn('cuda');
    const hello = host.hello();
    const outcome = await hello.then(
      ({ device }) => device,
      (error: { code: string }) => error.code,
    );
    await host.stop();
    if (outcome.startsWith('cuda')) context.skip('this machine has a CUDA device, so nothing is refused');

    expect(outcome).toBe('DEVICE_UNAVAILABLE');
  });
});
