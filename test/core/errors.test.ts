import { describe, expect, it } from 'vitest';
import {
  asHpbError,
  COMMAND_EXIT,
  commandExit,
  ERROR_CODES,
  HpbError,
  isErrorCode,
} from '../../core/errors.ts';

describe('HpbError', () => {
  it('carries its code as name, so that Step Functions can match on it', () => {
    const error = new HpbError('WEIGHTS_MISSING', 'No weights for task008.', {
      remedy: 'Run `hpb models pull task008`.',
    });

    expect(error.name).toBe('WEIGHTS_MISSING');
    expect(error.blame).toBe('ops');
  });

  it('leaves the cause out of its document', () => {
    const error = new HpbError('UNEXPECTED', 'x', { remedy: 'y', cause: new Error('secret path') });

    expect(JSON.stringify(error.toDocument())).not.toContain('secret');
  });

  it('wraps what nobody foresaw as UNEXPECTED and keeps an HpbError as it is', () => {
    const known = new HpbError('CANCELLED', 'x', { remedy: 'y' });

    expect(asHpbError(known)).toBe(known);
    expect(asHpbError('boom').code).toBe('UNEXPECTED');
    expect(asHpbError(new Error('boom')).message).toContain('boom');
  });
});

describe('the table of codes', () => {
  it('gives every code an HTTP error status and a non-zero exit code', () => {
    for (const [code, { status, exit }] of Object.entries(ERROR_CODES)) {
      expect(status, code).toBeGreaterThanOrEqual(400);
      expect(status, code).toBeLessThan(600);
      expect(exit, code).toBeGreaterThan(0);
      expect(exit, code).toBeLessThan(256);
    }
  });

  it('blames the caller exactly where the HTTP status says so', () => {
    for (const [code, { blame, status }] of Object.entries(ERROR_CODES)) {
      if (blame === 'caller') expect(status, code).toBeLessThan(500);
    }
  });

  it('recognises its own codes only', () => {
    expect(isErrorCode('NIFTI_TRUNCATED')).toBe(true);
    expect(isErrorCode('toString')).toBe(false);
    expect(isErrorCode(3)).toBe(false);
  });
});

describe('the exit code of a command', () => {
  it.each([
    ['all ok', ['ok', 'ok'], 0],
    ['some failed', ['ok', 'NIFTI_TRUNCATED'], COMMAND_EXIT.someFailed],
    ['all failed for different reasons', ['ENGINE_DIED', 'NIFTI_TRUNCATED'], COMMAND_EXIT.allFailed],
    ['every input refused', ['NIFTI_TRUNCATED', 'CT_ALL_AIR'], COMMAND_EXIT.usage],
    [
      'all failed for one reason with an exit code of its own',
      ['WEIGHTS_MISSING'],
      ERROR_CODES.WEIGHTS_MISSING.exit,
    ],
    ['all failed unexpectedly', ['UNEXPECTED'], COMMAND_EXIT.allFailed],
    ['cancelled after a success', ['ok', 'CANCELLED'], COMMAND_EXIT.cancelled],
  ] as const)('%s', (_, outcomes, exit) => {
    expect(commandExit(outcomes)).toBe(exit);
  });
});
