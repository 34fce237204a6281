import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { collectGarbage, WORTH_COLLECTING_BYTES } from '../adapters/collect-garbage.ts';
import { ComputePool } from '../adapters/compute-pool.ts';
import { outputError } from '../adapters/file-error.ts';
import { peekNifti, readNifti, type NiftiFile } from '../adapters/nifti-file.ts';
import { receiptSigner } from '../adapters/receipt-signer.ts';
import { throwIfCancelled } from '../adapters/run-process.ts';
import { systemClock } from '../adapters/system.ts';
import type { MeasuredCase } from '../container/stages/measure.ts';
import { meshCase } from '../container/stages/mesh.ts';
import { besideVolume } from '../container/stages/volume.ts';
import { writtenVolume, type PackagedFile } from '../container/stages/written.ts';
import { packageFiles, type PackagedCase } from '../container/stages/package-files.ts';
import { bothSettled } from '../core/both-settled.ts';
import { modelEntry, type ModelId } from '../core/models/catalogue.ts';
import { chooseHpbSets, hpbLabels } from '../core/results/hpb-sets.ts';
import { buildMeta } from '../core/results/meta.ts';
import { buildMetadata, type ModelRun } from '../core/results/metadata.ts';
import type { GivenMasks, Metadata } from '../core/results/metadata-schema.ts';
import type { CaseRuns } from '../core/results/pictures/layers.ts';
import { buildRunRecord } from '../core/results/run-record.ts';
import { meshFormatOf, type Settings } from '../core/settings.ts';
import type { MeasuredMask } from '../core/volume/measure-mask.ts';
import { voxelCount } from '../core/volume/volume.ts';
import { prepareOutput, putInPlace } from './export-case.ts';
import { readGivenMasks, type GivenMask, type GivenModel } from './given-masks.ts';
import { resultPlaces, type ResultPlaces } from './result-places.ts';

/** A CT with masks from elsewhere, and where the result goes. */
export interface ReportRequest {
  readonly ct: string;
  readonly masks: readonly GivenMask[];
  readonly name: string;
  readonly out: string;
}

/** What making a report needs from outside. */
export interface ReportSurroundings {
  readonly settings: Pick<Settings, 'HPB_SIGNING_KEY' | 'HPB_SIGNING_KMS_KEY'> &
    Partial<Pick<Settings, 'HPB_MESHES'>>;
  readonly serviceVersion: string;
  readonly signal: AbortSignal;
}

/** The result of `reportCase`. */
export interface ReportedCase extends ResultPlaces {
  readonly metadata: Metadata;
}

/** More than two have work at once only where there are many structures. */
const THREADS_AT_ONCE = 2;

/** No model of ours ran: what its options would have been means nothing, and metadata.json leaves it out. */
const NO_OPTIONS = { fast: false, folds: [], tta: false };

/**
 * Makes the package of a case from masks that any tool made: measures, meshes, pictures, report, receipt. No engine is
 * needed. Nothing is left when it fails.
 *
 * @throws HpbError of the input (`readGivenMasks`), OUTPUT_UNWRITABLE, DISK_FULL, SIGNING_FAILED, CANCELLED.
 */
export async function reportCase(
  request: ReportRequest,
  surroundings: ReportSurroundings,
): Promise<ReportedCase> {
  const { ct: ctPath, masks, name, out } = request;
  const startedAt = systemClock.now();
  await prepareOutput(out, [name], [ctPath, ...masks.map(({ path }) => path)]);
  const building = join(out, `.hpb-${randomUUID()}`);
  const compute = new ComputePool();
  compute.warm(THREADS_AT_ONCE);
  try {
    const { signal } = surroundings;
    const { grid } = await peekNifti(ctPath, { signal });
    const [ct, given] = await bothSettled(
      readNifti(ctPath, { shared: true, signal }),
      readGivenMasks(masks, grid, { compute, signal }),
    );
    // The files' own voxels, which stand in the masks of the models now.
    if (masks.length * voxelCount(grid.dims) >= WORTH_COLLECTING_BYTES) collectGarbage();
    await mkdir(join(building, 'work'), { recursive: true });
    const work = { ...surroundings, out: join(building, 'work'), compute };
    const { packaged, metadata } = await besideVolume({ out: work.out, cancel: signal }, ct, (volume) =>
      made(work, { ct, given, name, startedAt, volume }),
    );
    const places = resultPlaces(out, name);
    await gathered(packaged, building);
    await putInPlace(building, places);
    return { ...places, metadata };
  } catch (error) {
    throw outputError(error);
  } finally {
    await compute.close();
    await rm(building, { recursive: true, force: true });
  }
}

interface Work extends ReportSurroundings {
  readonly out: string;
  readonly compute: ComputePool;
}

interface Content {
  readonly ct: NiftiFile;
  readonly given: readonly GivenModel[];
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly volume: Promise<PackagedFile>;
}

async function made(
  work: Work,
  { ct, given, name, startedAt, volume }: Content,
): Promise<{ readonly packaged: PackagedCase; readonly metadata: Metadata }> {
  const { out, compute, signal: cancel, settings, serviceVersion } = work;
  const signer = await receiptSigner(settings);
  const format = meshFormatOf(settings);
  const scratch = { out, compute, cancel, format, shown: false };
  const meshed = await meshCase(scratch, ct.grid, await measured(work, ct, given));
  throwIfCancelled(cancel);
  const { sha256, fileBytes: bytes } = ct;
  const metadata = buildMetadata({
    grid: ct.grid,
    input: { sha256, bytes },
    runs: meshed.runs,
    hpb: meshed.hpb,
    versions: {},
    serviceVersion,
  });
  const endedAt = systemClock.now();
  const run = buildRunRecord({
    attempt: 1,
    startedAt,
    endedAt,
    device: 'none',
    deviceName: null,
    stageSeconds: {},
    models: new Map(),
    workerPeakRssBytes: process.resourceUsage().maxRSS * 1024,
    cost: null,
    demo: false,
  });
  const meta = buildMeta({ caseId: name, seconds: new Map(), endedAt, demo: false });
  const documents = { 'meta.json': meta, 'run.json': run };
  const packaged = await packageFiles(
    { out, compute, signer, cancel },
    { name, ct, meshed, volume, metadata, documents, attempt: 1, imageDigest: null },
  );
  return { packaged, metadata };
}

async function measured(
  { out, compute, signal }: Work,
  ct: NiftiFile,
  given: readonly GivenModel[],
): Promise<MeasuredCase> {
  const runs: ModelRun[] = [];
  const files: PackagedFile[] = [];
  const keeps = new Map<ModelId, MeasuredMask['kept']>();
  const masks: CaseRuns[] = [];
  const { grid, data, slope, intercept } = ct;
  for (const { model, mask, call } of given) {
    const name = modelEntry(model).output;
    const input = { ct: { grid, data, slope, intercept }, mask, keep: givenSets(model, call) };
    const [{ kept, runs: labels, ...facts }, file] = await Promise.all([
      compute.run('measureMask', input, signal),
      writtenVolume(out, name, mask),
    ]);
    keeps.set(model, kept);
    masks.push({ model, runs: labels });
    files.push(file);
    runs.push({ model, options: NO_OPTIONS, call, cropEmpty: false, weights: [], ...facts });
  }
  const hpb = await compute.run('measureHpb', { grid, sets: chooseHpbSets(keeps) }, signal);
  return { runs, hpb, masks, files };
}

/**
 * Labels of what the HPB measures are made from, without what was not given: nobody has looked for that, and some segments
 * of a liver are no liver.
 */
function givenSets(model: ModelId, { masks }: GivenMasks): ReturnType<typeof hpbLabels> {
  const { labels } = modelEntry(model);
  const given = new Set(masks.flatMap(({ structures }) => structures));
  const sets = Object.entries(hpbLabels(model)).filter(([, values]) =>
    values.every((label) => given.has(labels[label]!)),
  );
  return Object.fromEntries(sets);
}

/** Moves what belongs to the package into `<building>/case`, and the ZIP beside it. */
async function gathered({ files, zip }: PackagedCase, building: string): Promise<void> {
  for (const file of files) {
    const to = join(building, 'case', file.name);
    await mkdir(dirname(to), { recursive: true });
    await putAt(to, file);
  }
  await putAt(join(building, 'results.zip'), zip);
}

const putAt = (to: string, file: PackagedFile): Promise<void> =>
  'content' in file ? writeFile(to, file.content) : rename(file.path, to);
