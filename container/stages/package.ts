import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeZip, type WrittenFile, type ZipMember } from '../../adapters/zip-archive.ts';
import type { RunResult } from '../../core/engine-protocol.ts';
import type { ModelId } from '../../core/models/catalogue.ts';
import { buildMeta } from '../../core/results/meta.ts';
import { buildMetadata } from '../../core/results/metadata.ts';
import { buildRunRecord, type CaseStage } from '../../core/results/run-record.ts';
import { stableJson } from '../../core/results/stable-json.ts';
import type { Grid } from '../../core/volume/volume.ts';
import type { CaseContext } from '../case-context.ts';
import type { FetchedCt } from './fetch.ts';
import type { MeasuredCase } from './measure.ts';
import type { SegmentedCase } from './segment.ts';

/** What the documents of a case are made of. */
export interface PackageInput {
  readonly fetched: FetchedCt;
  readonly grid: Grid;
  readonly segmented: SegmentedCase;
  readonly measured: MeasuredCase;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly stageSeconds: Readonly<Partial<Record<CaseStage, number>>>;
}

/** Everything that is published, on the local disk. */
export interface PackagedCase {
  readonly files: readonly ZipMember[];
  readonly zip: WrittenFile & { readonly path: string };
}

/** Writes metadata.json, meta.json and run.json beside the masks, and the ZIP of all. */
export async function packageCase(context: CaseContext, input: PackageInput): Promise<PackagedCase> {
  const { ports, scratch } = context;
  const documents = await Promise.all(
    Object.entries(documentsOf(context, input)).map(async ([name, document]) => {
      const path = join(scratch.out, name);
      await writeFile(path, stableJson(document));
      return { name, path };
    }),
  );
  const files = [...input.measured.files, ...documents];
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  const path = join(scratch.out, 'results.zip');
  const zip = { path, ...(await writeZip(path, files)) };
  ports.log.debug('case:stage', { caseId: context.caseId, stage: 'package', bytes: zip.bytes });
  return { files, zip };
}

function documentsOf(context: CaseContext, input: PackageInput): Record<string, object> {
  const { ports, attempt, name } = context;
  const { fetched, grid, segmented, measured, startedAt, stageSeconds } = input;
  const endedAt = ports.clock.now();
  const results = new Map<ModelId, RunResult>(segmented.masks.map(({ model, run }) => [model, run]));
  const seconds = new Map([...results].map(([model, run]) => [model, sum(Object.values(run.seconds))]));
  const { hello } = segmented;
  const metadata = buildMetadata({
    grid,
    input: { sha256: fetched.sha256, bytes: fetched.bytes },
    runs: measured.runs,
    hpb: measured.hpb,
    versions: hello.versions,
    serviceVersion: ports.serviceVersion,
  });
  const { demo } = metadata;
  return {
    'metadata.json': metadata,
    'meta.json': buildMeta({ caseId: name, seconds, endedAt, demo }),
    'run.json': buildRunRecord({
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
    }),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
