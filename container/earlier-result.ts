import { caseResultKey, caseZipKey } from '../core/layout.ts';
import { caseResult, type CaseResult } from '../core/shard.ts';
import type { CaseContext } from './case-context.ts';

/**
 * What an earlier attempt at the case has published; null when there is nothing, when it came of something else than
 * `fingerprint` says, or when its ZIP is not the one that it names.
 */
export async function earlierResult(
  of: Pick<CaseContext, 'ports' | 'jobId' | 'caseId'>,
  fingerprint: string,
): Promise<CaseResult | null> {
  const result = await succeeded(of);
  return result?.fingerprint === fingerprint ? result : null;
}

/** What an earlier attempt at the case has published, whatever it came of; null when there is nothing, or none can be read. */
export async function finishedResult(
  of: Pick<CaseContext, 'ports' | 'jobId' | 'caseId'>,
): Promise<CaseResult | null> {
  return succeeded(of).catch(() => null);
}

async function succeeded({
  ports,
  jobId,
  caseId,
}: Pick<CaseContext, 'ports' | 'jobId' | 'caseId'>): Promise<CaseResult | null> {
  const key = caseResultKey(jobId, caseId);
  if ((await ports.store.head(key)) === null) return null;
  const text = new TextDecoder().decode(await ports.store.get(key));
  const parsed = caseResult.safeParse(parseJson(text));
  if (!parsed.success || parsed.data.outcome !== 'succeeded') return null;
  const zip = await ports.store.head(caseZipKey(jobId, caseId));
  return zip?.bytes === parsed.data.zip?.bytes ? parsed.data : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
