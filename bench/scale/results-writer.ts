/**
 * The place of all workers: a process of its own, so that what it takes is not counted, which writes a small result for
 * every case of a shard. Messages: `{ id, shardKey }` in, `{ id, cases }` out.
 */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { caseFileKey, caseResultKey, type CaseId, type JobId } from '../../core/layout.ts';
import { mapLimited } from '../../core/map-limited.ts';
import { summaryOf, type CaseSummary } from '../../core/results/case-summary.ts';
import { buildMeta } from '../../core/results/meta.ts';
import { shard } from '../../core/shard.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import { metadataOf } from '../../test/fixtures/case-metadata.ts';
import { succeededResult } from '../../test/fixtures/succeeded-result.ts';
import { storeOf } from './scale-store.ts';

/** A request from the bench. */
export interface WriteShard {
  readonly id: number;
  readonly shardKey: string;
}

const WRITE_AT_ONCE = 8;

interface WrittenCase {
  readonly files: readonly (readonly [name: string, body: string])[];
  readonly summary: CaseSummary;
}

function smallCase(): WrittenCase {
  const { ct, truth } = makePhantom({ seed: 5, grid: phantomGrid('small', { spacing: [8, 8, 8] }) });
  const liver = { grid: truth.grid, data: truth.data.map((label) => (label === 0 ? 0 : 1)) };
  const metadata = metadataOf(ct, [{ model: 'liver', mask: liver }], true);
  const meta = buildMeta({ caseId: 'x', seconds: new Map([['liver', 12]]), endedAt: 0, demo: true });
  const files: WrittenCase['files'] = [
    ['metadata.json', JSON.stringify(metadata)],
    ['meta.json', JSON.stringify(meta)],
    ['liver.nii.gz', 'x'.repeat(1000)],
  ];
  return { files, summary: summaryOf(meta, metadata) };
}

const { values } = parseArgs({ options: { store: { type: 'string', default: '' } } });
const store = storeOf(values.store);
const { files, summary } = smallCase();

async function writeCase(jobId: JobId, caseId: CaseId, attempt: number): Promise<void> {
  const stored = [];
  for (const [name, body] of files) {
    const key = caseFileKey(jobId, caseId, name);
    const { bytes } = await store.put(key, body);
    stored.push({ name, key, bytes, sha256: createHash('sha256').update(body).digest('hex') });
  }
  const result = succeededResult(jobId, caseId, {
    attempt,
    fingerprint: 'a'.repeat(64),
    demo: true,
    files: stored,
    seconds: 12,
    summary,
  });
  await store.put(caseResultKey(jobId, caseId), JSON.stringify(result));
}

process.on('message', ({ id, shardKey }: WriteShard) => {
  const work = async (): Promise<void> => {
    const text = new TextDecoder().decode(await store.get(shardKey));
    const { jobId, attempt, cases } = shard.parse(JSON.parse(text));
    await mapLimited(cases, WRITE_AT_ONCE, ({ caseId }) => writeCase(jobId, caseId, attempt));
    process.send!({ id, cases: cases.length });
  };
  // Nothing can go on without its results.
  void work().catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit(0));
