/**
 * The place of all workers: a process of its own, so that what it takes is not counted, which writes a small result for
 * every case of a shard. Messages: `{ id, shardKey }` in, `{ id, cases }` out.
 */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { caseFileKey, caseResultKey, LAYOUT_VERSION, type CaseId, type JobId } from '../../core/layout.ts';
import { mapLimited } from '../../core/map-limited.ts';
import { shard, type CaseResult } from '../../core/shard.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import { metadataOf } from '../../test/fixtures/case-metadata.ts';
import { storeOf } from './scale-store.ts';

/** A request from the bench. */
export interface WriteShard {
  readonly id: number;
  readonly shardKey: string;
}

const WRITE_AT_ONCE = 8;

function filesOfCase(): readonly (readonly [name: string, body: string])[] {
  const { ct, truth } = makePhantom({ seed: 5, grid: phantomGrid('small', { spacing: [8, 8, 8] }) });
  const liver = { grid: truth.grid, data: truth.data.map((label) => (label === 0 ? 0 : 1)) };
  return [
    ['metadata.json', JSON.stringify(metadataOf(ct, [{ model: 'liver', mask: liver }], true))],
    ['meta.json', JSON.stringify({ caseId: 'x', models: ['liver'], seconds: 12 })],
    ['liver.nii.gz', 'x'.repeat(1000)],
  ];
}

const { values } = parseArgs({ options: { store: { type: 'string', default: '' } } });
const store = storeOf(values.store);
const files = filesOfCase();

async function writeCase(jobId: JobId, caseId: CaseId, attempt: number): Promise<void> {
  const stored = [];
  for (const [name, body] of files) {
    const key = caseFileKey(jobId, caseId, name);
    const { bytes } = await store.put(key, body);
    stored.push({ name, key, bytes, sha256: createHash('sha256').update(body).digest('hex') });
  }
  const result: CaseResult = {
    layoutVersion: LAYOUT_VERSION,
    jobId,
    caseId,
    attempt,
    outcome: 'succeeded',
    error: null,
    fingerprint: 'a'.repeat(64),
    demo: true,
    files: stored,
    zip: null,
    seconds: 12,
  };
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
