import { describe, expect, it } from 'vitest';
import { jsonLog } from '../../adapters/json-log.ts';

describe('the log', () => {
  it('is one JSON document a line, from its level up', () => {
    const lines: string[] = [];
    const clock = { now: () => Date.UTC(2026, 10, 24) };
    const log = jsonLog({ level: 'info', write: (line) => lines.push(line), clock, fields: { jobId: 'j' } });

    log.debug('case:stage', { stage: 'fetch' });
    log.error('case:failed', { caseId: 'c0001', code: 'DISK_FULL', message: 'two\nlines' });

    expect(lines).toEqual([
      '{"time":"2026-11-24T00:00:00.000Z","level":"error","event":"case:failed","jobId":"j","caseId":"c0001","code":"DISK_FULL","message":"two\\nlines"}\n',
    ]);
  });
});
