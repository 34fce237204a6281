import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readNifti, writeNifti } from '../../adapters/nifti-file.ts';
import { runShard } from '../../container/worker.ts';
import type { EngineCall } from '../../core/engine-protocol.ts';
import { caseFileKey, caseIdOf, caseProgressKey, caseZipKey } from '../../core/layout.ts';
import type { CaseProgress } from '../../core/progress.ts';
import { caseMeasures } from '../../core/results/case-summary.ts';
import { metadataSchema } from '../../core/results/metadata-schema.ts';
import { FakeEngine } from '../fakes/fake-engine.ts';
import { plausibleMask } from '../fakes/plausible-mask.ts';
import { pythonJson } from '../fixtures/engine-python.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import {
  fakeWeights,
  GRID,
  JOB,
  resultIn,
  shardOf,
  smallCt,
  workerBench,
  type WorkerBench,
} from './worker-bench.ts';

const C1 = caseIdOf(1);
const FILES = [
  'ct_volume.vti',
  'liver.nii.gz',
  'meshes.glb',
  'meta.json',
  'metadata.json',
  'previews/axial.png',
  'previews/coronal.png',
  'previews/sagittal.png',
  'previews/surface.png',
  'previews/thumbnail.png',
  'previews/vessels.png',
  'receipt.json',
  'report.html',
  'run.json',
  'segmentations/hepatic_vessels.vtp',
  'segmentations/liver.vtp',
  'segmentations/liver_tumors.vtp',
  'task008.nii.gz',
];

async function documentIn({ store }: WorkerBench, name: string): Promise<Record<string, unknown>> {
  const bytes = await store.get(caseFileKey(JOB, C1, name));
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
}

const LIVER_CALL: EngineCall = {
  engine: 'totalsegmentator',
  weightsRoot: '',
  task: 'total',
  roiSubset: ['liver'],
  fast: true,
  multilabel: false,
};

describe('a case', () => {
  it('becomes masks, documents and a ZIP of the same', async () => {
    const engine = new FakeEngine();
    const bench = await workerBench(engine);
    await bench.input(1);

    const { cases, exitCode } = await runShard(shardOf(1), bench.ports, { caseName: () => 'patient-x' });

    const result = await resultIn(bench);
    expect({ exitCode, outcome: cases[0]!.outcome }).toEqual({ exitCode: 0, outcome: 'succeeded' });
    expect(result.files.map(({ name }) => name)).toEqual(FILES);
    expect(
      metadataSchema.parse(await documentIn(bench, 'metadata.json')).structures.map((s) => s.name),
    ).toEqual(['hepatic_vessels', 'liver_tumors', 'liver']);
    expect(await documentIn(bench, 'meta.json')).toMatchObject({ case_id: 'patient-x', liver_seconds: 1.5 });
    expect(await documentIn(bench, 'run.json')).toMatchObject({ attempt: 1, device: 'cpu' });
    const listing = 'import io,json,sys,zipfile;z=zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()));';
    const hashes =
      'import hashlib;print(json.dumps({n:hashlib.sha256(z.read(n)).hexdigest() for n in z.namelist()}))';
    expect(pythonJson(listing + hashes, await bench.store.get(caseZipKey(JOB, C1)))).toEqual(
      Object.fromEntries(result.files.map(({ name, sha256 }) => [name, sha256])),
    );
  });

  it('says in result.json what the pages of a batch show of it, but for the name of the caller', async () => {
    const bench = await workerBench(new FakeEngine());
    await bench.input(1);

    await runShard(shardOf(1), bench.ports, { caseName: () => 'patient-x' });

    const { summary } = await resultIn(bench);
    const { case_id: _, ...meta } = await documentIn(bench, 'meta.json');
    expect(summary).toEqual({ meta, measures: caseMeasures.parse(await documentIn(bench, 'metadata.json')) });
    expect(JSON.stringify(summary)).not.toContain('patient-x');
    expect(summary!.measures.hpb.liverVolumeMl).toBeGreaterThan(0);
  });

  it('opens its CT once for all models and closes it', async () => {
    const engine = new FakeEngine();
    const bench = await workerBench(engine);
    await bench.input(1);

    await runShard(shardOf(1), bench.ports);

    expect(engine.opened).toHaveLength(1);
    expect(engine.openNow).toBe(0);
    expect(engine.calls.map(({ engine }) => engine)).toEqual(['totalsegmentator', 'nnunet-v1']);
  });

  it('has the networks of all its models asked for before its CT is opened', async () => {
    const engine = new FakeEngine();
    const bench = await workerBench(engine);
    await bench.input(1);

    await runShard(shardOf(1), bench.ports);

    expect(engine.loads.map(({ call }) => call)).toEqual(engine.calls);
    expect(engine.loads.map(({ openedBefore }) => openedBefore)).toEqual([0, 0]);
  });

  it("has masks on the CT's own grid, in bytes, with no text of any tool", async () => {
    const bench = await workerBench(new FakeEngine());
    await bench.input(1);

    await runShard(shardOf(1), bench.ports);

    const path = join(tempFolder(), 'liver.nii.gz');
    await bench.store.getFile(caseFileKey(JOB, C1, 'liver.nii.gz'), path);
    const { grid, data, header } = await readNifti(path);
    expect(grid).toEqual(GRID);
    expect(header.datatype.name).toBe('uint8');
    expect(header.oddities).toEqual([]);
    expect(data).toEqual(plausibleMask(GRID, LIVER_CALL).data);
  });

  it('is the same bytes in another run, but for the clock', async () => {
    const hashes: Record<string, string>[] = [];
    const contents: unknown[] = [];
    for (const _ of [1, 2]) {
      const bench = await workerBench(new FakeEngine());
      await bench.input(1);
      await runShard(shardOf(1), bench.ports);
      const { files } = await resultIn(bench);
      hashes.push(Object.fromEntries(files.map(({ name, sha256 }) => [name, sha256])));
      contents.push((await documentIn(bench, 'receipt.json'))['contentSha256']);
    }

    const differing = Object.keys(hashes[0]!).filter((name) => hashes[0]![name] !== hashes[1]![name]);
    const ofTheRun = ['meta.json', 'receipt.json', 'run.json'];
    expect(differing.filter((name) => !ofTheRun.includes(name))).toEqual([]);
    expect(contents[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(contents[1]).toBe(contents[0]);
  });

  it('reports progress that never falls, ends at 1, and is there to read', async () => {
    const bench = await workerBench(new FakeEngine());
    await bench.input(1);
    const seen: CaseProgress[] = [];

    await runShard(shardOf(1), bench.ports, { onProgress: (progress) => seen.push(progress) });

    const fractions = seen.map(({ fraction }) => fraction);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    expect(new Set(seen.map(({ stage }) => stage))).toEqual(
      new Set(['fetch', 'check', 'segment', 'measure', 'mesh', 'package', 'publish']),
    );
    expect(seen.filter(({ engine }) => engine !== null).map(({ model }) => model)).toEqual([
      ...Array<string>(3).fill('liver'),
      ...Array<string>(3).fill('task008'),
    ]);
    const document = await bench.store.get(caseProgressKey(JOB, C1));
    // Which one is the last depends on how long the case took: test/container/case-progress.test.ts.
    expect(JSON.parse(new TextDecoder().decode(document))).toMatchObject({ caseId: C1, layoutVersion: 1 });
  });

  it('leaves no scratch behind', async () => {
    const bench = await workerBench(new FakeEngine());
    await bench.input(1);

    await runShard(shardOf(1), bench.ports);

    const [worker] = readdirSync(bench.scratchRoot);
    const left = readdirSync(join(bench.scratchRoot, worker!), { recursive: true }) as string[];
    expect(left.filter((path) => path.includes('nii') || path.includes('json')).sort()).toEqual([
      'owner.json',
    ]);
  });

  it('keeps what the engines read and wrote when asked to', async () => {
    const bench = await workerBench(new FakeEngine(), { keepIntermediate: true });
    await bench.input(1);

    await runShard(shardOf(1), bench.ports);
    await bench.ports.scratch.close(true);

    const [worker] = readdirSync(bench.scratchRoot);
    const left = readdirSync(join(bench.scratchRoot, worker!), { recursive: true }) as string[];
    expect(left).toEqual(expect.arrayContaining([`${C1}/in/ct.nii.gz`, `${C1}/out/raw-liver.nii.gz`]));
  });

  it('adds each mesh in a format that was asked for, and its checksum to the receipt', async () => {
    const bench = await workerBench(new FakeEngine(), { meshFormat: 'stl' });
    await bench.input(1);

    await runShard(shardOf(1), bench.ports);

    const { files } = await resultIn(bench);
    const meshes = files.filter(({ name }) => name.endsWith('.vtp')).map(({ name }) => name);
    expect(meshes.length).toBeGreaterThan(0);
    const { key } = files.find(({ name }) => name === 'receipt.json')!;
    const receipt = new TextDecoder().decode(await bench.store.get(key));
    for (const mesh of meshes) expect(receipt).toContain(mesh.replace('.vtp', '.stl'));
  });

  it('adds meshes as the job asks, whatever the settings say', async () => {
    const bench = await workerBench(new FakeEngine(), { meshFormat: 'stl' });
    await bench.input(1);
    const [task] = shardOf(1).cases;

    await runShard({ ...shardOf(1), cases: [{ ...task!, meshes: 'mz3' }] }, bench.ports);

    const names = (await resultIn(bench)).files.map(({ name }) => name);
    expect(names.filter((name) => /\.(stl|mz3)$/.test(name)).map((name) => name.slice(-3))).toContain('mz3');
    expect(names.filter((name) => name.endsWith('.stl'))).toEqual([]);
  });

  it('says DEMO when demo weights took part', async () => {
    const bench = await workerBench(new FakeEngine(), { weights: { locate: async () => fakeWeights(true) } });
    await bench.input(1);

    await runShard(shardOf(1), bench.ports);

    expect((await resultIn(bench)).demo).toBe(true);
    expect(bench.log.lines.find(({ event }) => event === 'weights:demo')?.fields['notice']).toContain('DEMO');
    expect(await documentIn(bench, 'run.json')).toMatchObject({ demo: true });
  });

  it.each([
    ['gzip', 'ct.nii.gz', (path: string) => path],
    ['plain', 'ct.nii', (path: string) => path.replace('.gz', '')],
  ])('that is %s reaches the engine as %s', async (_, name, pathOf) => {
    const engine = new FakeEngine();
    const bench = await workerBench(engine);
    const path = pathOf(join(tempFolder(), 'scan.nii.gz'));
    await writeNifti(path, smallCt());
    await bench.store.putFile(shardOf(1).cases[0]!.inputKey, path);

    await runShard(shardOf(1), bench.ports);

    expect(engine.opened[0]!.endsWith(`/${name}`)).toBe(true);
  });

  it('with a header that the engines read differently reaches both under one of ours', async () => {
    const path = join(tempFolder(), 'scan.nii');
    await writeNifti(path, smallCt());
    const bytes = readFileSync(path);
    // A qform that says nothing (code 0), and a name in the description.
    bytes.writeInt16LE(0, 252);
    bytes.write('Jane Doe 1970', 148);
    await writeFile(path, bytes);
    let opened: Awaited<ReturnType<typeof readNifti>> | undefined;
    const engine = new FakeEngine(async (_, plausible) => {
      opened = await readNifti(engine.opened[0]!);
      return plausible();
    });
    const bench = await workerBench(engine);
    await bench.store.putFile(shardOf(1).cases[0]!.inputKey, path);

    const { exitCode } = await runShard(shardOf(1), bench.ports);

    expect(exitCode).toBe(0);
    expect(opened!.header.oddities).toEqual([]);
    expect(opened!.header.qform).not.toBeNull();
    expect(opened!.data).toEqual(smallCt().data);
    expect(readFileSync(path).includes('Jane')).toBe(true);
  });
});
