import type { z } from 'zod';
import { asHpbError, HpbError, type ErrorDocument } from '../errors.ts';
import type { JobDocument } from '../job.ts';
import { caseResultKey, shardFailuresPrefix, type CaseId } from '../layout.ts';
import { mapLimited } from '../map-limited.ts';
import type { ManifestCase } from '../results/job-manifest.ts';
import { caseResult, type CaseResult } from '../shard.ts';
import { refusalOf, type JobCase, type JobCases } from './job-cases.ts';
import { shardFailure } from './record-shard-failure.ts';
import type { ServicePorts } from './service-ports.ts';
import { findDocument, readDocument } from './stored-document.ts';

const READ_AT_ONCE = 16;

/** How one case ended, with its result when it has one that holds. */
export interface CaseEnd {
  readonly entry: ManifestCase;
  /** Null for a case that failed. */
  readonly result: CaseResult | null;
}

/** How every case of a job ended, as of its present attempt, in the order of cases.json. */
export async function gatherOutcomes(
  { store }: Pick<ServicePorts, 'store'>,
  { jobId, attempt }: Pick<JobDocument, 'jobId' | 'attempt'>,
  { cases }: JobCases,
): Promise<readonly CaseEnd[]> {
  const failures = await mapLimited(
    await store.list(shardFailuresPrefix(jobId, attempt)),
    READ_AT_ONCE,
    ({ key }) => readFailure(store, key),
  );
  const errors = new Map<CaseId, ErrorDocument>(
    failures.flatMap((failure) =>
      failure === null ? [] : failure.caseIds.map((caseId) => [caseId, failure.error] as const),
    ),
  );
  return mapLimited(cases, READ_AT_ONCE, async (found) => {
    const refusal = refusalOf(found);
    if (refusal !== null) return failed(found, refusal, null);
    const result = await findDocument(store, caseResultKey(jobId, found.caseId), caseResult);
    if (result?.outcome === 'succeeded') return succeeded(found, result);
    return failed(found, reasonOf(result, attempt, errors.get(found.caseId) ?? null), result);
  });
}

/** Null for one that cannot be read: results of other cases are not lost for a reason. */
async function readFailure(
  store: Pick<ServicePorts['store'], 'get'>,
  key: string,
): Promise<z.infer<typeof shardFailure> | null> {
  try {
    return await readDocument(store, key, shardFailure);
  } catch (thrown) {
    if (asHpbError(thrown).code === 'DOCUMENT_UNREADABLE') return null;
    throw thrown;
  }
}

function succeeded({ caseId, name }: JobCase, result: CaseResult): CaseEnd {
  const { demo, seconds, files } = result;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { entry: { caseId, name, outcome: 'succeeded', error: null, demo, seconds, bytes }, result };
}

function failed({ caseId, name }: JobCase, error: ErrorDocument, result: CaseResult | null): CaseEnd {
  const entry: ManifestCase = {
    caseId,
    name,
    outcome: 'failed',
    error,
    demo: result?.demo ?? null,
    seconds: result?.seconds ?? null,
    bytes: 0,
  };
  return { entry, result: null };
}

/** Codes of a case that was stopped from outside: why its shard was ended says more. */
const STOPPED: ReadonlySet<string> = new Set(['INTERRUPTED', 'CANCELLED']);

/** Why a case failed: its own word in this attempt, else its shard's. */
function reasonOf(result: CaseResult | null, attempt: number, ofShard: ErrorDocument | null): ErrorDocument {
  const own = result !== null && result.attempt === attempt ? result.error : null;
  if (own !== null && !(STOPPED.has(own.code) && ofShard !== null)) return own;
  return ofShard ?? uncleanExit().toDocument();
}

function uncleanExit(): HpbError {
  return new HpbError('UNCLEAN_EXIT', 'The worker ended without a result for the case.', {
    remedy: 'Retry the job. If it happens again, look at the log of the worker.',
  });
}
