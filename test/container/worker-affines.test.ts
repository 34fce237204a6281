import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNifti, writeNifti } from '../../adapters/nifti-file.ts';
import { wireWorker, type WiredWorker } from '../../container/wire.ts';
import { runShard, type CaseOutcome } from '../../container/worker.ts';
import { caseFileKey, caseIdOf, caseInputKey } from '../../core/layout.ts';
import { parseSettings } from '../../core/settings.ts';
import { affinesAgree } from '../../core/volume/orientation.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import type { Volume } from '../../core/volume/volume.ts';
import { ROOT } from '../fixtures/hpb-command.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { JOB, shardOf } from './worker-bench.ts';

const GRID = phantomGrid('small', { dims: [48, 40, 40] });
/** An affine that has passed through ITK's float32 once or twice is the same one. */
const ROUNDING = { mm: 1e-3, relative: 1e-6 };

/** Offsets in the NIfTI-1 header. */
const AT = { qfac: 76, sliceThickness: 88, sformCode: 254, quaternC: 260, qoffsetX: 268 } as const;

/**
 * What is done to the qform and pixdim, which disagree with the sform from then on. ITK, which nnU-Net v1 reads
 * through, goes by the qform for the first and by pixdim for the last; nibabel goes by the sform for all.
 */
const CHANGES: Readonly<Record<string, (header: Buffer) => void>> = {
  'as it was made': () => undefined,
  'moved 30 mm by its qform': (header) => {
    header.writeInt16LE(2, AT.sformCode);
    header.writeFloatLE(header.readFloatLE(AT.qoffsetX) + 30, AT.qoffsetX);
  },
  'mirrored by its qform': (header) => {
    header.writeFloatLE(1, AT.quaternC);
    header.writeFloatLE(-1, AT.qfac);
  },
  'stretched by its pixdim': (header) => header.writeFloatLE(3.3, AT.sliceThickness),
};
const NAMES = Object.keys(CHANGES);
const [CLEAN, ...ODD] = NAMES;

let folder: string;
let worker: WiredWorker;
let cases: readonly CaseOutcome[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hpb-affines-'));
  const settings = parseSettings({
    HPB_DATA_ROOT: folder,
    HPB_WEIGHTS: 'demo',
    HPB_DEVICE: 'cpu',
    HPB_KEEP_INTERMEDIATE: '1',
  });
  worker = await wireWorker({ settings, packageRoot: ROOT, environment: process.env, log: memoryLog() });
  const path = join(folder, 'ct.nii.gz');
  await writeNifti(path, makePhantom({ seed: 90_005, grid: GRID }).ct);
  const good = gunzipSync(readFileSync(path));
  for (const [at, change] of Object.values(CHANGES).entries()) {
    const file = Buffer.from(good);
    change(file);
    const changed = join(folder, `changed-${at}.nii`);
    writeFileSync(changed, file);
    await worker.ports.store.putFile(caseInputKey(JOB, caseIdOf(at + 1)), changed);
  }
  const shard = shardOf(NAMES.length);
  const patient = { ...shard, cases: shard.cases.map((task) => ({ ...task, timeoutSeconds: 600 })) };
  cases = (await runShard(patient, worker.ports)).cases;
});
afterAll(async () => {
  await worker.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Masks of a case as the engines wrote them. */
async function rawMasks(name: string): Promise<{ liver: Volume; task008: Volume }> {
  const scratch = join(folder, 'scratch');
  const entries = readdirSync(scratch, { recursive: true, encoding: 'utf8' });
  const raw = (file: string): string => {
    const ending = join(caseIdOf(NAMES.indexOf(name) + 1), 'out', `raw-${file}`);
    return join(
      scratch,
      entries.find((entry) => entry.endsWith(ending))!,
    );
  };
  return { liver: await readNifti(raw('liver.nii.gz')), task008: await readNifti(raw('task008.nii.gz')) };
}

const codesOf = (name: string): string[] => cases[NAMES.indexOf(name)]!.warnings.map(({ code }) => code);

describe('liver and task008 of a CT whose qform and sform disagree', () => {
  it('come with a warning that the clean CT does not get', () => {
    expect(cases.map(({ error }) => error)).toEqual(NAMES.map(() => null));
    expect(codesOf(CLEAN!)).not.toContain('CT_AFFINES_DISAGREE');
    for (const name of ODD) expect(codesOf(name), name).toContain('CT_AFFINES_DISAGREE');
  });

  it.each(ODD)('share one affine where the CT was %s: that of the sform', async (name) => {
    const { liver, task008 } = await rawMasks(name);

    for (const mask of [liver, task008]) {
      expect(mask.grid.dims).toEqual(GRID.dims);
      expect(affinesAgree(GRID, mask.grid.affine, ROUNDING)).toBe(true);
    }
  });

  it.each(ODD)('hold the voxels of the clean CT where it was %s', async (name) => {
    const [clean, odd] = [await rawMasks(CLEAN!), await rawMasks(name)];

    for (const model of ['liver', 'task008'] as const) {
      const labels = clean[model].data;
      expect(labels.some((label) => label > 0)).toBe(true);
      expect(Buffer.compare(bytesOf(odd[model]), bytesOf(clean[model]))).toBe(0);
    }
  });

  it.each(ODD)('are published with exactly the affine of the clean CT where it was %s', async (name) => {
    for (const file of ['liver.nii.gz', 'task008.nii.gz']) {
      const path = join(folder, file);
      await worker.ports.store.getFile(caseFileKey(JOB, caseIdOf(NAMES.indexOf(name) + 1), file), path);
      expect((await readNifti(path)).grid).toEqual(GRID);
    }
  });
});

function bytesOf({ data }: Volume): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
