import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { streamSSE, type SSEStreamingApi } from 'hono/streaming';
import { asHpbError, HpbError } from '../../core/errors.ts';
import { isFinal } from '../../core/job.ts';
import type { JobAnswer } from '../../core/requests.ts';
import { readJob } from '../../core/use-cases/read-job.ts';
import { linksOf, type HttpEnv, type HttpHome } from './deployment.ts';
import { PARAMS, problems } from './openapi-parts.ts';

/** Each event of the stream, field by field. */
const event = z.object({
  event: z.enum(['state', 'progress']),
  id: z.string().meta({ description: 'To be sent as `Last-Event-ID` on resuming.' }),
  data: z.string().meta({ description: 'The job, as JSON.' }),
});

const watch = createRoute({
  method: 'get',
  path: '/jobs/{jobId}/events',
  operationId: 'watchJob',
  tags: ['Jobs'],
  summary: 'Watch a job',
  description:
    'Server-Sent Events: `state` when the state changes, `progress` in between, both with the job as `data`; the stream ends with the job. Not offered where the transport holds no open answers: poll the job there.',
  request: {
    params: PARAMS.job,
    headers: z.object({
      'last-event-id': z.string().optional().meta({ description: 'Last event received, on resuming.' }),
    }),
  },
  responses: {
    200: { description: 'The events.', content: { 'text/event-stream': { schema: event } } },
    204: { description: 'The last event of this job was received already.' },
    ...problems('JOB_NOT_FOUND', 'ROUTE_NOT_FOUND'),
  },
});

/** Adds the event stream of a job. */
export function addEventRoutes(app: OpenAPIHono<HttpEnv>, home: HttpHome): void {
  app.openapi(watch, async (c) => {
    if (!home.deployment.serverSentEvents)
      throw new HpbError('ROUTE_NOT_FOUND', 'There are no live events in this deployment.', {
        remedy: 'Poll GET /jobs/{jobId}.',
      });
    const jobId = c.req.valid('param').jobId;
    const links = linksOf(home, c);
    const read = () => readJob(home.ports, jobId, links);
    const received = c.req.valid('header')['last-event-id'] ?? '';
    const first = await read();
    if (isFinal(first.state) && eventId(first) === received) return c.body(null, 204);
    return streamSSE(c, (stream) =>
      // Caught here: the library would send the message of an error, whatever that holds, as an event.
      sendEvents(stream, { home, read, first, received }).catch((thrown: unknown) =>
        home.ports.log.warn('http:failed', {
          route: watch.path,
          requestId: c.get('requestId'),
          code: asHpbError(thrown).code,
        }),
      ),
    );
  });
}

interface Watch {
  readonly home: HttpHome;
  readonly read: () => Promise<JobAnswer>;
  readonly first: JobAnswer;
  /** Id of the last event that the caller has. */
  readonly received: string;
}

async function sendEvents(stream: SSEStreamingApi, { home, read, first, received }: Watch): Promise<void> {
  const { eventsMs, heartbeatMs } = home.patience;
  let [job, sent, state, silentMs] = [first, received, '', 0];
  while (!stream.aborted) {
    const id = eventId(job);
    if (id !== sent) {
      const event = stateOf(job) === state ? 'progress' : 'state';
      await stream.writeSSE({ event, id, data: JSON.stringify(job) });
      [sent, state, silentMs] = [id, stateOf(job), 0];
    }
    if (isFinal(job.state)) return;
    if (silentMs >= heartbeatMs) {
      await stream.write(': still here\n\n');
      silentMs = 0;
    }
    await stream.sleep(eventsMs);
    silentMs += eventsMs;
    job = await read();
  }
}

const stateOf = ({ attempt, state }: JobAnswer): string => `${attempt}-${state}`;

/** The same for the same news. */
function eventId(job: JobAnswer): string {
  const succeeded = job.cases.filter(({ state }) => state === 'succeeded').length;
  return `${stateOf(job)}-${job.stage}-${Math.round(job.percent * 10)}-${succeeded}-${job.queuePosition ?? ''}`;
}
