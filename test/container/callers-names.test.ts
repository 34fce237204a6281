import { describe, expect, it } from 'vitest';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { CallersNames } from '../../container/callers-names.ts';
import { caseIdOf, jobCasesKey } from '../../core/layout.ts';
import type { JobCases } from '../../core/use-cases/job-cases.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { JOB } from './worker-bench.ts';

/** cases.json of one case of this name. */
function casesOf(name: string): string {
  const found: JobCases = {
    layoutVersion: 1,
    jobId: JOB,
    inputKey: 'uploads/u-1/input',
    kind: 'ct',
    sha256: 'a'.repeat(64),
    bytes: 1,
    cases: [{ caseId: caseIdOf(1), name, key: null, bytes: 1, grid: null, error: null }],
    ignored: [],
    ignoredCount: 0,
  };
  return JSON.stringify(found);
}

describe("the caller's names of cases", () => {
  it('are read again only when cases.json was written anew', async () => {
    const store = new FileObjectStore(tempFolder());
    const names = new CallersNames({ store, log: memoryLog() });
    await store.put(jobCasesKey(JOB), casesOf('before'));

    const first = await names.of(JOB);
    const same = await names.of(JOB);
    await store.put(jobCasesKey(JOB), casesOf('after'));
    const anew = await names.of(JOB);

    expect(first.get(caseIdOf(1))).toBe('before');
    expect(same).toBe(first);
    expect(anew.get(caseIdOf(1))).toBe('after');
  });

  it('are none without a cases.json, and none but a line in the log with one that cannot be read', async () => {
    const store = new FileObjectStore(tempFolder());
    const log = memoryLog();
    const names = new CallersNames({ store, log });

    const absent = await names.of(JOB);
    const eventsBefore = log.events();
    await store.put(jobCasesKey(JOB), 'no JSON');
    const damaged = await names.of(JOB);

    expect([absent.size, damaged.size]).toEqual([0, 0]);
    expect(eventsBefore).toEqual([]);
    expect(log.events()).toEqual(['worker:names-unknown']);
  });
});
