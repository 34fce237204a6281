import { jobFileKey, type CaseId, type JobFile, type JobId } from '../layout.ts';
import { mapLimited } from '../map-limited.ts';
import type { ObjectStore } from '../ports.ts';
import { caseMeasures, type CaseMeasures } from '../results/case-summary.ts';
import { casesCsv, indexPage, type IndexedCase } from '../results/cases-index.ts';
import type { CaseResult } from '../shard.ts';
import type { CaseEnd } from './gather-outcomes.ts';

const READ_AT_ONCE = 16;

/** What an index is made of. */
export interface BatchIndexInput {
  readonly batchId: string;
  readonly ends: readonly CaseEnd[];
  /** Where the page finds the files of each case that has a result. */
  readonly folders: ReadonlyMap<CaseId, string>;
}

/** index.html and cases.csv of a batch, by name. */
export async function batchIndex(
  store: Pick<ObjectStore, 'get'>,
  { batchId, ends, folders }: BatchIndexInput,
): Promise<Readonly<Record<JobFile, string>>> {
  const cases = await mapLimited(ends, READ_AT_ONCE, (end) => indexed(store, end, folders));
  return { 'index.html': indexPage({ batchId, cases }), 'cases.csv': casesCsv(cases) };
}

/** Stores the index of a batch that has no ZIP; it links to where `hpb fetch --unpack` puts the cases. */
export async function putBatchIndex(
  store: Pick<ObjectStore, 'get' | 'put'>,
  jobId: JobId,
  ends: readonly CaseEnd[],
): Promise<void> {
  const folders = new Map(ends.map(({ entry: { caseId } }) => [caseId, `${jobId}_${caseId}_results`]));
  const index = await batchIndex(store, { batchId: jobId, ends, folders });
  for (const [name, text] of Object.entries(index)) await store.put(jobFileKey(jobId, name as JobFile), text);
}

/** A case for the index; what cannot be read is left out of it rather than the job be lost. */
async function indexed(
  store: Pick<ObjectStore, 'get'>,
  { entry, result }: CaseEnd,
  folders: ReadonlyMap<CaseId, string>,
): Promise<IndexedCase> {
  if (result === null) return { entry, folder: null, files: [], measured: null };
  const files = result.files.map(({ name }) => name);
  const measured = result.summary?.measures ?? (await measuresIn(store, result));
  return { entry, folder: folders.get(entry.caseId)!, files, measured };
}

/** Of a result that has no summary. */
async function measuresIn(
  store: Pick<ObjectStore, 'get'>,
  { files }: CaseResult,
): Promise<CaseMeasures | null> {
  const metadata = files.find(({ name }) => name === 'metadata.json');
  const text = metadata === undefined ? '' : new TextDecoder().decode(await store.get(metadata.key));
  return caseMeasures.safeParse(parsedOrNull(text)).data ?? null;
}

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
