import { describe, expect, it } from 'vitest';
import { exitError } from '../../adapters/engine-errors.ts';

const EXIT = { code: 3, signal: null, startError: null };

describe('an engine that ended', () => {
  it.each([
    [
      '  File "/opt/someone/venv/lib/torch/serialization.py", line 12',
      '  File "…/serialization.py", line 12',
    ],
    ['cannot read /data/in/worker-1/ct.nii.gz: 3/4 done', 'cannot read …/ct.nii.gz: 3/4 done'],
    ['PermissionError: ~/models/a.model', 'PermissionError: …/a.model'],
    ['loss 1/2 of label and/or mask', 'loss 1/2 of label and/or mask'],
  ])('does not tell where things lie on this machine: %s', (line, told) => {
    const error = exitError({ ...EXIT, stderrTail: [line] }, { ready: true, oom: false });

    expect(error.code).toBe('ENGINE_DIED');
    expect(error.details['stderr']).toBe(told);
  });
});
