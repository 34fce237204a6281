import { describe, expect, it } from 'vitest';
import type { JobId } from '../../../core/layout.ts';
import { answerOf, httpHome, type ProblemSeen, type TestHome } from './http-home.ts';

const CANCELLED = {
  code: 'CANCELLED',
  message: 'Cancelled.',
  remedy: 'Retry it.',
  blame: 'caller',
  retryable: true,
  details: {},
} as const;

const eventsIn = (text: string) =>
  text
    .split('\n\n')
    .filter((block) => block.includes('event:'))
    .map((block) => Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s, 2))));

describe('the events of a job', () => {
  it('tell each state, and end with the job', async () => {
    const { call, submit, happen } = httpHome();
    const jobId = await submit();

    const answer = await call(`GET /jobs/${jobId}/events`);
    const reading = answer.text();
    await happen(jobId, { event: 'prepare' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await happen(jobId, { event: 'cancel', error: CANCELLED });
    const events = eventsIn(await reading);

    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    const states = events.map(({ data }) => (JSON.parse(data ?? '') as { state: string }).state);
    expect([...new Set(states)]).toEqual(['QUEUED', 'PREPARING', 'CANCELLED']);
    expect(events[0]?.['event']).toBe('state');
    expect(events.at(-1)?.['event']).toBe('state');
  });

  it('give a sign of life while nothing happens', async () => {
    const { call, submit } = httpHome();
    const jobId = await submit();

    const answer = await call(`GET /jobs/${jobId}/events`);
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes(': still here')) text += (await reader.read()).value ?? '';
    await reader.cancel();

    expect(eventsIn(text)).toHaveLength(1);
  });

  it('are over for a caller who has the last one', async () => {
    const { call, submit, happen } = httpHome();
    const jobId = await submit();
    await happen(jobId, { event: 'cancel', error: CANCELLED });

    const [last] = eventsIn(await (await call(`GET /jobs/${jobId}/events`)).text());
    const again = await call(`GET /jobs/${jobId}/events`, undefined, { 'last-event-id': last?.['id'] ?? '' });

    expect(again.status).toBe(204);
  });

  it.each<[string, (home: TestHome, jobId: JobId) => unknown]>([
    ['is deleted meanwhile', ({ ports }, jobId) => ports.index.remove(jobId)],
    [
      'cannot be read any more',
      ({ ports }) => (ports.index.get = () => Promise.reject(new Error('/home/jane/.hpb/job.json'))),
    ],
  ])('of a job that %s just end, without an event that nobody was told of', async (_, happens) => {
    const home = httpHome();
    const jobId = await home.submit();

    const answer = await home.call(`GET /jobs/${jobId}/events`);
    const reading = answer.text();
    await new Promise((resolve) => setTimeout(resolve, 30));
    await happens(home, jobId);
    const text = await reading;

    expect(new Set(eventsIn(text).map(({ event }) => event))).toEqual(new Set(['state']));
    expect(text).not.toContain('jane');
    expect(text).not.toContain('There is no job');
  });

  it('of a job that is not there are a 404', async () => {
    expect((await httpHome().call('GET /jobs/j-unknown1/events')).status).toBe(404);
  });

  it('are not offered where the transport cannot hold them', async () => {
    const { call, submit } = httpHome({ deployment: { serverSentEvents: false } });
    const jobId = await submit();

    const answer = await call(`GET /jobs/${jobId}/events`);
    const job = await answerOf<{ links: Record<string, string> }>(await call(`GET /jobs/${jobId}`));

    expect(answer.status).toBe(404);
    expect((await answerOf<ProblemSeen>(answer)).remedy).toContain('Poll');
    expect(job.links).not.toHaveProperty('events');
  });
});
