import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isFinal } from '../../core/job.ts';
import { goodCt, RunningService, tarGz } from '../fixtures/running-service.ts';

interface Told {
  readonly jobId: string;
  readonly attempt: number;
  readonly state: string;
  readonly counts: object;
}

/** An address that keeps what it is told; it answers the first call only when it is let go on. */
async function receiver(): Promise<{
  readonly url: string;
  readonly told: Told[];
  readonly answer: () => void;
}> {
  const told: Told[] = [];
  const { promise: first, resolve: answer } = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    void (async () => {
      const body = await Array.fromAsync(request as AsyncIterable<Buffer>);
      told.push(JSON.parse(Buffer.concat(body).toString()) as Told);
      await first;
      response.writeHead(204).end();
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => server.closeAllConnections());
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/done`, told, answer };
}

function start(behaviour: string, webhook: string, folder?: string): RunningService {
  const service = new RunningService(behaviour, folder, { HPB_FINISHED_WEBHOOK: webhook });
  onTestFinished(async () => void (await service.stop('SIGKILL')));
  return service;
}

/** Longer than a restarted service takes to run what was running. */
const QUIET_MS = 1500;

describe('the webhook of a finished job', () => {
  it('hears once of each attempt, of what a kill -9 has broken off as well', async () => {
    const { url, told, answer } = await receiver();
    answer();
    const first = start('leisurely', url);
    const bundle = await tarGz({
      'good/raw.nii.gz': await goodCt(1),
      'bad/raw.nii.gz': Buffer.from('no CT'),
    });
    const { jobId } = await first.submit('batch', 'cases.tar.gz', bundle);
    await first.until(jobId, ({ cases }) => cases.some(({ stage }) => stage === 'segment'));
    await first.stop('SIGKILL');
    expect(told).toEqual([]);

    const second = start('ok', url, first.folder);
    await second.until(jobId, ({ state }) => isFinal(state));
    await expect.poll(() => told.length, { timeout: 10_000 }).toBe(1);
    await second.stop('SIGKILL');
    const third = start('ok', url, first.folder);
    await third.url();
    await sleep(QUIET_MS);

    const counts = { total: 2, succeeded: 1, failed: 1 };
    expect(told).toEqual([expect.objectContaining({ jobId, attempt: 1, state: 'PARTIAL', counts })]);
  });

  it('is not told again when the service is killed while it waits for an answer, and jobs end all the same', async () => {
    const { url, told, answer } = await receiver();
    const first = start('ok', url);
    const { jobId } = await first.submit('liver', 'ct.nii.gz', await goodCt(1));
    await expect.poll(() => told.length, { timeout: 30_000 }).toBe(1);
    await first.stop('SIGKILL');
    answer();

    const second = start('ok', url, first.folder);
    const job = await second.until(jobId, ({ state }) => isFinal(state));
    const next = await second.submit('liver', 'ct.nii.gz', await goodCt(2));
    await second.until(next.jobId, ({ state }) => isFinal(state));
    await expect.poll(() => told.length, { timeout: 10_000 }).toBe(2);

    expect(job.state).toBe('SUCCEEDED');
    expect(told.map((one) => [one.jobId, one.attempt])).toEqual([
      [jobId, 1],
      [next.jobId, 1],
    ]);
  });
});
