import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeNifti } from '../../../adapters/nifti-file.ts';
import { metadataSchema, type Metadata } from '../../../core/results/metadata-schema.ts';
import type { LabelMap } from '../../../core/volume/volume.ts';
import { hpb, ROOT, type CommandResult } from '../../fixtures/hpb-command.ts';
import { phantomCase } from '../../fixtures/phantom-case.ts';
import { noDisks, nodeOnDisk } from '../../fixtures/full-disk.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

const NO_DISKS = noDisks();
let known: ReturnType<typeof phantomCase>;
let folder: string;
let ct: string;
beforeAll(() => {
  known = phantomCase();
});
beforeEach(async () => {
  folder = tempFolder();
  ct = join(folder, 'scan.nii.gz');
  await writeNifti(ct, known.phantom.ct);
});

async function mask(name: string, map: LabelMap): Promise<string> {
  const path = join(folder, name);
  await writeNifti(path, map);
  return path;
}
const report = (...args: readonly string[]): Promise<CommandResult> =>
  hpb(['report', ct, ...args, '--out', join(folder, 'out')]);
const metadataIn = (name = 'scan'): Metadata =>
  metadataSchema.parse(JSON.parse(readFileSync(join(folder, 'out', name, 'metadata.json'), 'utf8')));
const [liver, task008] = [() => known.masks[0]!.mask, () => known.masks[1]!.mask];

describe('hpb report', () => {
  it('makes the whole package from masks known by their names, which verifies', async () => {
    const files = [await mask('liver.nii.gz', liver()), await mask('task008.nii.gz', task008())];

    const { code, stdout, stderr } = await report(...files);

    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`Report:  ${join(folder, 'out', 'scan', 'report.html')}`);
    const { structures, hpb: measures, provenance, demo } = metadataIn();
    expect(structures.map(({ name }) => name)).toEqual(['hepatic_vessels', 'liver_tumors', 'liver']);
    expect(measures.lesionCount).toBe(3);
    expect(demo).toBe(false);
    expect(provenance.models.map(({ engineCall }) => engineCall.engine)).toEqual(['given', 'given']);
    expect(existsSync(join(folder, 'out', 'scan', 'previews', 'surface.png'))).toBe(true);
    expect((await hpb(['verify', join(folder, 'out', 'scan_results.zip'), '--ct', ct])).code).toBe(0);
  });

  it.each(['stl', 'mz3'] as const)(
    'adds each mesh as %s when asked, which verifies and is replaced',
    async (format) => {
      const path = await mask('liver.nii.gz', liver());
      await report(path, '--meshes', format);

      const { code, stderr } = await report(path, '--meshes', format);

      expect(code, stderr).toBe(0);
      const result = join(folder, 'out', 'scan');
      expect(readdirSync(join(result, 'segmentations'))).toEqual([`liver.${format}`, 'liver.vtp'].toSorted());
      expect((await hpb(['verify', result])).code).toBe(0);
      const mesh = readFileSync(join(result, 'segmentations', `liver.${format}`));
      const points = format === 'stl' ? pointsOfStl(mesh) : pointsOfMz3(gunzipSync(mesh));
      // In mm of the patient: where metadata.json has the liver, to a voxel of 5 mm.
      const { centroidMm } = metadataIn().structures[0]!;
      for (const axis of [0, 1, 2] as const) {
        const along = points.filter((_, at) => at % 3 === axis);
        expect(Math.min(...along)).toBeLessThan(centroidMm![axis] - 30);
        expect(Math.max(...along)).toBeGreaterThan(centroidMm![axis] + 30);
        expect(Math.abs((Math.min(...along) + Math.max(...along)) / 2 - centroidMm![axis])).toBeLessThan(40);
      }
    },
  );

  it('takes structures out of any label map, and says nothing of those that were not given', async () => {
    const truth = await mask('mine.nii.gz', known.phantom.truth);

    const organ = await mask('organ.nii.gz', liver());

    const { code, stderr } = await report('--label', `liver=${organ}`, '--label', `spleen=${truth}:4`);

    expect(code, stderr).toBe(0);
    const { structures, hpb: measures } = metadataIn();
    expect(structures.map(({ name, model }) => `${model} ${name}`)).toEqual([
      'liver liver',
      'totalseg spleen',
    ]);
    expect(measures.lesionCount).toBeNull();
    expect(measures.liverVolumeMl).not.toBeNull();
  });

  it('takes some segments of the liver for those segments, not for a small liver', async () => {
    const { grid, data } = liver();
    const part = await mask('liver_segment_5.nii.gz', { grid, data });

    const { code, stderr } = await report(part);

    expect(code, stderr).toBe(0);
    const { structures, hpb: measures } = metadataIn();
    expect(structures.map(({ name }) => name)).toEqual(['liver_segment_5']);
    expect(measures.liverVolumeMl).toBeNull();
    expect(measures.nullReasons['liverVolumeMl']).not.toBe('');
  });

  it('writes the same bytes in every time zone and language, but for the clock', async () => {
    const path = await mask('liver.nii.gz', liver());
    const places = [
      { TZ: 'Pacific/Auckland', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' },
      { TZ: 'UTC', LANG: 'C', LC_ALL: 'C' },
    ];
    const files: Record<string, string>[] = [];
    for (const [at, environment] of places.entries()) {
      const out = join(folder, `out-${at}`);
      const { code, stderr } = await hpb(['report', ct, path, '--out', out], environment);
      expect(code, stderr).toBe(0);
      const receipt = JSON.parse(readFileSync(join(out, 'scan', 'receipt.json'), 'utf8')) as {
        contentSha256: string;
        files: { name: string; sha256: string }[];
      };
      const named = receipt.files.map(({ name, sha256 }) => [name, sha256] as const);
      files.push({ ...Object.fromEntries(named), content: receipt.contentSha256 });
    }

    const differing = Object.keys(files[0]!).filter((name) => files[0]![name] !== files[1]![name]);
    expect(differing.filter((name) => name !== 'meta.json' && name !== 'run.json')).toEqual([]);
    expect(Object.keys(files[1]!)).toEqual(Object.keys(files[0]!));
  });

  it('escapes a name with markup in the report', async () => {
    const path = await mask('liver.nii.gz', liver());

    const { code, stderr } = await report(path, '--name', '<img src=x onerror=alert(1)>');

    expect(code, stderr).toBe(0);
    const page = readFileSync(join(folder, 'out', '<img src=x onerror=alert(1)>', 'report.html'), 'utf8');
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(page).not.toContain('<img src=x');
  });

  it.each<[string, string, () => Promise<readonly string[]>]>([
    [
      'MASK_GRID_MISMATCH',
      'lies elsewhere',
      async () => {
        const { grid, data } = liver();
        const affine = grid.affine.map((value, at) => (at === 7 ? value + 4 : value));
        return [await mask('liver.nii.gz', { grid: { ...grid, affine }, data })];
      },
    ],
    [
      'MASK_GRID_MISMATCH',
      'has more slices than',
      async () => {
        const { grid } = liver();
        const [nx, ny, nz] = grid.dims;
        const data = new Uint8Array(nx * ny * (nz + 1)).fill(1);
        return [await mask('liver.nii.gz', { grid: { ...grid, dims: [nx, ny, nz + 1] }, data })];
      },
    ],
    [
      'MASK_NOT_LABELS',
      'holds many values unlike',
      async () => [await mask('liver.nii.gz', known.phantom.truth)],
    ],
    [
      'MASK_NOT_LABELS',
      'holds labels unlike those of',
      async () => [await mask('task008.nii.gz', known.phantom.truth)],
    ],
    [
      'MASK_NOT_LABELS',
      'is no label map beside',
      async () => {
        const path = join(folder, 'liver.nii.gz');
        await writeNifti(path, known.phantom.ct);
        return [path];
      },
    ],
    ['USAGE', 'has a name that tells nothing beside', async () => [await mask('mine.nii.gz', liver())]],
    ['USAGE', 'is not given to', async () => []],
    [
      'NIFTI_NOT_NIFTI',
      'is another file beside',
      async () => {
        const path = join(folder, 'liver.nii.gz');
        writeFileSync(path, 'x'.repeat(1000));
        return [path];
      },
    ],
  ])('ends with 2 and %s when a mask %s its CT and leaves nothing', async (code, _, files) => {
    const result = await report(...(await files()));

    expect(result.code, result.stderr).toBe(2);
    expect(result.stderr).toContain(`Code: ${code}`);
    expect(existsSync(join(folder, 'out')) ? readdirSync(join(folder, 'out')) : []).toEqual([]);
  });

  it('measures a mask that is empty, that fills the scan, and that is one voxel', async () => {
    const { grid, data } = liver();
    const one = new Uint8Array(data.length);
    one[data.indexOf(1)] = 1;
    const files = [
      await mask('liver.nii.gz', { grid, data: new Uint8Array(data.length).fill(1) }),
      await mask('spleen.nii.gz', { grid, data: new Uint8Array(data.length) }),
      await mask('liver_tumors.nii.gz', { grid, data: one }),
    ];

    const { code, stderr } = await report(...files);

    expect(code, stderr).toBe(0);
    const { structures, hpb: measures, quality } = metadataIn();
    expect(structures.map(({ name, voxels }) => [name, voxels])).toEqual([
      ['liver_tumors', 1],
      ['liver', data.length],
      ['spleen', 0],
    ]);
    expect(measures.lesionCount).toBe(1);
    expect(quality.verdict).not.toBe('ok');
  });

  it('makes a whole package of structures of one slice each', async () => {
    const { grid, data } = liver();
    const slice = grid.dims[0] * grid.dims[1];
    const k = Math.floor(data.indexOf(1) / slice) + 3;
    const flat = data.map((label, at) => (Math.floor(at / slice) === k ? label : 0));
    const lesion = flat.map((label, at) => (label === 1 && at % 7 !== 0 ? 1 : 0));
    const files = [
      await mask('liver.nii.gz', { grid, data: flat }),
      await mask('liver_tumors.nii.gz', { grid, data: lesion }),
    ];

    const { code, stderr } = await report(...files);

    expect(code, stderr).toBe(0);
    const { structures, hpb: measures } = metadataIn();
    for (const { mesh, surfaceAreaMm2 } of structures) {
      expect(mesh!.closed).toBe(true);
      expect(surfaceAreaMm2).toBeGreaterThan(0);
    }
    expect(measures.lesions![0]!.longestDiameterMm).toBeGreaterThan(0);
    expect((await hpb(['verify', join(folder, 'out', 'scan')])).code).toBe(0);
  });

  it('refuses a CT without a number inside a structure, and takes one outside', async () => {
    const { grid, data } = known.phantom.ct;
    const path = await mask('liver.nii.gz', liver());
    const values = Float32Array.from(data);
    values[0] = Number.NaN;
    await writeNifti(ct, { grid, data: values, slope: 1, intercept: 0 });
    expect((await report(path)).code).toBe(0);
    rmSync(join(folder, 'out'), { recursive: true });

    values[liver().data.indexOf(1)] = Number.NaN;
    await writeNifti(ct, { grid, data: values, slope: 1, intercept: 0 });
    const { code, stderr } = await report(path);

    expect(code).toBe(2);
    expect(stderr).toContain('Code: CT_NOT_FINITE');
    expect(readdirSync(join(folder, 'out'))).toEqual([]);
  });

  it.skipIf(NO_DISKS !== null)('leaves nothing where the disk fills while it packs', async () => {
    const path = await mask('liver.nii.gz', liver());
    const out = tempFolder();
    const script = `
      import { readdirSync } from 'node:fs';
      import { createContext } from ${JSON.stringify(join(ROOT, 'cli/context.ts'))};
      import { runCommand } from ${JSON.stringify(join(ROOT, 'cli/main.ts'))};
      const context = createContext(process, ${JSON.stringify(`${ROOT}/`)}, new AbortController().signal);
      const code = await runCommand(['node', 'hpb', 'report', ${JSON.stringify(ct)}, ${JSON.stringify(path)}, '--out', ${JSON.stringify(out)}], context);
      console.log(JSON.stringify({ code, left: readdirSync(${JSON.stringify(out)}) }));`;

    // A file, since the threads of the command inherit the arguments of its process.
    const program = join(folder, 'program.mjs');
    writeFileSync(program, script);

    const { stdout, stderr } = await nodeOnDisk({ folder: out, state: 'empty' }, [program]);

    expect(stderr).toContain('Code: DISK_FULL');
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({ code: 11, left: [] });
  });
});

function pointsOfStl(file: Buffer): number[] {
  const triangles = Array.from({ length: file.readUInt32LE(80) }, (_, n) => 84 + 50 * n + 12);
  return triangles.flatMap((at) => Array.from({ length: 9 }, (_, n) => file.readFloatLE(at + 4 * n)));
}

function pointsOfMz3(file: Buffer): number[] {
  const [faces, vertices] = [file.readUInt32LE(4), file.readUInt32LE(8)];
  return Array.from({ length: 3 * vertices }, (_, n) => file.readFloatLE(16 + 12 * faces + 4 * n));
}
