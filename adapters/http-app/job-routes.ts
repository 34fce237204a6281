import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { JOB_STATES } from '../../core/job.ts';
import { workerNamePrefix } from '../../core/layout.ts';
import { cancelJob } from '../../core/use-cases/cancel-job.ts';
import { purgeJob } from '../../core/use-cases/purge-job.ts';
import { findJob } from '../../core/use-cases/job-request.ts';
import { listJobs, readJob } from '../../core/use-cases/read-job.ts';
import { retryJob } from '../../core/use-cases/retry-job.ts';

import { linksOf, type HttpEnv, type HttpHome } from './deployment.ts';
import { json, PARAMS, problems, SCHEMAS } from './openapi-parts.ts';

const tags = ['Jobs'];

const list = createRoute({
  method: 'get',
  path: '/jobs',
  operationId: 'listJobs',
  tags,
  summary: 'List jobs',
  description: 'Newest first, page by page.',
  request: {
    query: z.strictObject({
      state: z.enum(JOB_STATES).optional().meta({ description: 'Only jobs in this state.' }),
      limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'Jobs of a page.' }),
      after: z
        .string()
        .max(200)
        .optional()
        .meta({
          description: '`next` of the page before.',
          pattern: String.raw`^\d{13}-[a-z0-9-]{8,64}$`,
        }),
    }),
  },
  responses: { 200: json(SCHEMAS.jobList, 'A page of jobs.'), ...problems('REQUEST_INVALID') },
});

const read = createRoute({
  method: 'get',
  path: '/jobs/{jobId}',
  operationId: 'readJob',
  tags,
  summary: 'Read a job',
  description: 'State, stage, percent, queue position, times, attempts, and how each case did.',
  request: { params: PARAMS.job },
  responses: { 200: json(SCHEMAS.job, 'The job.'), ...problems('JOB_NOT_FOUND') },
});

const remove = createRoute({
  method: 'delete',
  path: '/jobs/{jobId}',
  operationId: 'cancelJob',
  tags,
  summary: 'Cancel a job, or delete it',
  description:
    'Cancels: the engine is gone within seconds, finished cases are kept. With `purge=true` the bytes of the job are deleted and a receipt is answered.',
  request: {
    params: PARAMS.job,
    query: z.strictObject({ purge: z.enum(['true', 'false']).default('false') }),
  },
  responses: {
    200: json(z.union([SCHEMAS.job, SCHEMAS.receipt]), 'The job as it now stands, or the receipt.'),
    ...problems('JOB_NOT_FOUND', 'JOB_FINISHED', 'JOB_NOT_FINISHED', 'REQUEST_INVALID'),
  },
});

const retry = createRoute({
  method: 'post',
  path: '/jobs/{jobId}/retry',
  operationId: 'retryJob',
  tags,
  summary: 'Retry a job',
  description: 'A new attempt over the cases that failed; what succeeded is kept.',
  request: { params: PARAMS.job },
  responses: {
    202: json(SCHEMAS.job, 'The job in its new attempt.'),
    ...problems(
      'JOB_NOT_FOUND',
      'JOB_NOT_FINISHED',
      'JOB_NOTHING_TO_RETRY',
      'TOO_MANY_JOBS',
      'DISK_FULL',
      'WEIGHTS_MISSING',
    ),
  },
});

const logs = createRoute({
  method: 'get',
  path: '/jobs/{jobId}/logs',
  operationId: 'readJobLogs',
  tags,
  summary: 'Read the log of a job',
  description: 'The last lines that its workers have logged; no patient data is in them.',
  request: {
    params: PARAMS.job,
    query: z.strictObject({
      lines: z.coerce.number().int().min(1).max(1_000).default(100).meta({ description: 'Lines at most.' }),
    }),
  },
  responses: {
    200: { description: 'Lines of the log.', content: { 'text/plain': { schema: z.string() } } },
    ...problems('JOB_NOT_FOUND', 'REQUEST_INVALID'),
  },
});

/** Adds the calls on jobs as a whole. */
export function addJobRoutes(app: OpenAPIHono<HttpEnv>, home: HttpHome): void {
  const { ports } = home;
  app.openapi(list, async (c) => c.json(await listJobs(ports, c.req.valid('query'), linksOf(home, c)), 200));
  app.openapi(read, async (c) => {
    const { jobId } = c.req.valid('param');
    return c.json(await readJob(ports, jobId, linksOf(home, c)), 200);
  });
  app.openapi(remove, async (c) => {
    const { jobId } = c.req.valid('param');
    const purge = c.req.valid('query').purge === 'true';
    return purge
      ? c.json(await purgeJob(ports, jobId), 200)
      : c.json(await cancelJob(ports, jobId, linksOf(home, c)), 200);
  });
  app.openapi(retry, async (c) => {
    const { jobId } = c.req.valid('param');
    return c.json(await retryJob(ports, jobId, linksOf(home, c)), 202);
  });
  app.openapi(logs, async (c) => {
    const job = await findJob(ports.index, c.req.valid('param').jobId);
    const lines = await ports.jobs.logTail(workerNamePrefix(job.jobId), c.req.valid('query').lines);
    return c.text(lines.map((line) => `${line}\n`).join(''), 200);
  });
}
