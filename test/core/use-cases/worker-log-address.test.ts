import { describe, expect, it } from 'vitest';
import type { JobId } from '../../../core/layout.ts';
import { batchRecord, workerLogAddress } from '../../../core/use-cases/worker-log-address.ts';

const LOGS = { region: 'eu-central-1', group: '/hpb/prod/worker' };
const GROUP =
  'https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#logsV2:log-groups/log-group/$252Fhpb$252Fprod$252Fworker';
const JOB = 'j-0123456789abcdef' as JobId;
/** All that workers logged of the job, whatever their streams are. */
const OF_JOB = `${GROUP}/log-events$3FfilterPattern$3D$2522${JOB}$2522`;
const causeOf = (container: object): string => JSON.stringify({ JobId: 'j', Container: container });

describe('the address of what a worker logged', () => {
  it('is that of its log stream, escaped as the console does', () => {
    const cause = causeOf({ ExitCode: 137, LogStreamName: 'worker/default/0a1b' });

    expect(workerLogAddress(LOGS, JOB, cause)).toBe(`${GROUP}/log-events/worker$252Fdefault$252F0a1b`);
  });

  it.each([
    ['the worker did not start', causeOf({})],
    ['its time was over', undefined],
    ['its record was cut off', '{"JobId":"j","Container":{"LogStreamName":"wor'],
    ['its record is of another shape', '{"JobId":"j","Container":{"LogStreamName":7}}'],
    ['no stream has so long a name', causeOf({ LogStreamName: 'x'.repeat(513) })],
  ])('is a search for the job where %s', (_, cause) => {
    expect(workerLogAddress(LOGS, JOB, cause)).toBe(OF_JOB);
  });

  it.each([
    ['cn-north-1', 'cn-north-1.console.amazonaws.cn'],
    ['us-gov-west-1', 'us-gov-west-1.console.amazonaws-us-gov.com'],
  ])('is in the console of %s', (region, host) => {
    expect(new URL(workerLogAddress({ ...LOGS, region }, JOB, undefined)).host).toBe(host);
  });

  it('is bounded for the longest names that there may be', () => {
    const logs = { ...LOGS, group: '/'.repeat(512) };

    const cause = causeOf({ LogStreamName: '/'.repeat(512) });
    expect(workerLogAddress(logs, JOB, cause).length).toBeLessThan(8_192);
  });

  it('is none on the laptop', () => {
    expect(workerLogAddress(undefined, JOB, causeOf({ LogStreamName: 'worker.log' }))).toBe('');
  });
});

describe('the cause of a failure', () => {
  it.each([['{"errorType":"DISK_FULL","errorMessage":"Full."}'], ['no JSON'], [undefined]])(
    'is no record of a worker: %s',
    (cause) => {
      expect(batchRecord(cause)).toBeNull();
    },
  );
});
