import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { runShard } from '../../container/worker.ts';
import type { EngineRun } from '../../core/engine-port.ts';
import { FakeEngine, type FakeRun } from '../fakes/fake-engine.ts';
import { marksBelow, marksIn, PATIENT_MARKS, withPatientText } from '../fixtures/patient-text.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { JOB, shardOf, smallCt, workerBench } from './worker-bench.ts';

/** An engine that copies the header of the CT into its mask, as nibabel makes it easy to do. */
const copiesHeader: FakeRun = async ({ output }: EngineRun, plausible) => {
  const result = await plausible();
  writeFileSync(output, gzipSync(withPatientText(gunzipSync(readFileSync(output)))));
  return result;
};

describe('text about a patient in the header of a CT', () => {
  it.each(['scan.nii', 'scan.nii.gz'])('of %s reaches no output and no log line', async (name) => {
    const folder = tempFolder();
    await writeNifti(join(folder, 'plain.nii'), smallCt());
    const marked = withPatientText(readFileSync(join(folder, 'plain.nii')));
    const input = join(folder, name);
    writeFileSync(input, name.endsWith('.gz') ? gzipSync(marked) : marked);
    const bench = await workerBench(new FakeEngine(copiesHeader, copiesHeader));
    const shard = shardOf(1);
    await bench.store.putFile(shard.cases[0]!.inputKey, input);

    const { cases, exitCode } = await runShard(shard, bench.ports);

    expect({ exitCode, outcome: cases[0]!.outcome }).toEqual({ exitCode: 0, outcome: 'succeeded' });
    expect(marksIn(name, readFileSync(input))).toHaveLength(PATIENT_MARKS.length);
    const out = tempFolder();
    for (const { key } of await bench.store.list(`jobs/${JOB}/`))
      if (key !== shard.cases[0]!.inputKey) await bench.store.getFile(key, join(out, key));
    expect(marksBelow(out)).toEqual([]);
    expect(marksIn('log', Buffer.from(JSON.stringify(bench.log.lines)))).toEqual([]);
    expect(marksIn('outcome', Buffer.from(JSON.stringify(cases)))).toEqual([]);
  });

  it('of a CT that is refused does not stand in the refusal', async () => {
    const folder = tempFolder();
    const path = join(folder, 'scan.nii');
    await writeNifti(path, smallCt());
    writeFileSync(path, withPatientText(readFileSync(path)).subarray(0, -100));
    const bench = await workerBench(new FakeEngine());
    const shard = shardOf(1);
    await bench.store.putFile(shard.cases[0]!.inputKey, path);

    const { cases } = await runShard(shard, bench.ports);

    expect(cases[0]!.error?.code).toBe('NIFTI_TRUNCATED');
    expect(marksIn('outcome', Buffer.from(JSON.stringify([cases, bench.log.lines])))).toEqual([]);
  });
});
