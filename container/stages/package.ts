import type { RunResult } from '../../core/engine-protocol.ts';
import type { ModelId } from '../../core/models/catalogue.ts';
import { summaryOf, type CaseSummary } from '../../core/results/case-summary.ts';
import { buildMeta, type Meta } from '../../core/results/meta.ts';
import { buildMetadata } from '../../core/results/metadata.ts';
import { buildRunRecord, type CaseStage } from '../../core/results/run-record.ts';
import type { Volume } from '../../core/volume/volume.ts';
import type { CaseContext } from '../case-context.ts';
import type { FetchedCt } from './fetch.ts';
import type { MeshedCase } from './mesh.ts';
import { packageFiles, type PackageContent, type PackagedCase } from './package-files.ts';
import type { SegmentedCase } from './segment.ts';
import type { PackagedFile } from './written.ts';

/** What the documents of a case are made of. */
export interface PackageInput {
  readonly fetched: FetchedCt;
  readonly ct: Volume;
  readonly segmented: SegmentedCase;
  readonly meshed: MeshedCase;
  /** The viewer's volume, which may still be on its way. */
  readonly volume: Promise<PackagedFile>;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly stageSeconds: Readonly<Partial<Record<CaseStage, number>>>;
}

/** A packed case, and what the pages of a batch will say of it. */
export interface SummedCase extends PackagedCase {
  readonly summary: CaseSummary;
}

/** Writes documents, pictures, report and receipt beside masks and meshes, and the ZIP of all. */
export async function packageCase(context: CaseContext, input: PackageInput): Promise<SummedCase> {
  const { ports, scratch, cancel } = context;
  const { compute, signer } = ports;
  const tools = { out: scratch.out, compute, signer, cancel };
  const content = contentOf(context, input);
  const packaged = await packageFiles(tools, content);
  const { bytes } = packaged.zip;
  ports.log.debug('case:stage', { caseId: context.caseId, stage: 'package', bytes });
  return { ...packaged, summary: summaryOf(content.documents['meta.json'], content.metadata) };
}

type CaseContent = PackageContent & { readonly documents: { readonly 'meta.json': Meta } };

function contentOf(context: CaseContext, input: PackageInput): CaseContent {
  const { ports, attempt, name } = context;
  const { fetched, ct, segmented, meshed, volume, startedAt, stageSeconds } = input;
  const endedAt = ports.clock.now();
  const results = new Map<ModelId, RunResult>(segmented.masks.map(({ model, run }) => [model, run]));
  const seconds = new Map([...results].map(([model, run]) => [model, sum(Object.values(run.seconds))]));
  const { hello } = segmented;
  const metadata = buildMetadata({
    grid: ct.grid,
    input: { sha256: fetched.sha256, bytes: fetched.bytes },
    runs: meshed.runs,
    hpb: meshed.hpb,
    versions: hello.versions,
    serviceVersion: ports.serviceVersion,
  });
  const { demo } = metadata;
  const run = buildRunRecord({
    attempt,
    startedAt,
    endedAt,
    device: hello.device,
    deviceName: hello.deviceName,
    stageSeconds,
    models: results,
    workerPeakRssBytes: process.resourceUsage().maxRSS * 1024,
    cost: ports.meter?.costOf(context.machineSeconds()) ?? null,
    demo,
  });
  const meta = buildMeta({ caseId: name, seconds, endedAt, demo });
  const documents = { 'meta.json': meta, 'run.json': run };
  return { name, ct, meshed, volume, metadata, documents, attempt, imageDigest: ports.imageDigest };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
