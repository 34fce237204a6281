import type { Context } from 'hono';
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { ResultAnswer } from '../../core/requests.ts';
import { caseFileLink } from '../../core/use-cases/case-file-link.ts';
import { jobFileLink } from '../../core/use-cases/job-file-link.ts';
import { readCase } from '../../core/use-cases/read-case.ts';
import { resultOf } from '../../core/use-cases/result-of.ts';
import { linksOf, type HttpEnv, type HttpHome } from './deployment.ts';
import { json, PARAMS, problems, SCHEMAS } from './openapi-parts.ts';

const tags = ['Jobs'];

/** Names of files can have folders in them. */
const FILE_PATH = '/jobs/:jobId/cases/:caseId/files/:name{.+}';

const fetched = {
  200: json(SCHEMAS.result, 'With `Accept: application/json`: the signed URL, its size and checksum.'),
  302: {
    description: 'The bytes are at the signed URL of `Location`.',
    headers: z.object({ Location: z.string() }),
  },
};

const result = createRoute({
  method: 'get',
  path: '/jobs/{jobId}/result',
  operationId: 'fetchResult',
  tags,
  summary: 'Fetch the result of a job',
  description: 'The ZIP of a finished job.',
  request: { params: PARAMS.job },
  responses: { ...fetched, ...problems('JOB_NOT_FOUND', 'JOB_NOT_FINISHED', 'RESULT_NOT_FOUND') },
});

const jobFile = createRoute({
  method: 'get',
  path: '/jobs/{jobId}/files/{name}',
  operationId: 'fetchJobFile',
  tags,
  summary: 'Fetch the index of a large batch',
  description:
    'Index or table of a batch whose cases are too large for one ZIP; others have it in their ZIP.',
  request: { params: PARAMS.jobFile },
  responses: { ...fetched, ...problems('JOB_NOT_FOUND', 'RESULT_NOT_FOUND') },
});

const oneCase = createRoute({
  method: 'get',
  path: '/jobs/{jobId}/cases/{caseId}',
  operationId: 'readCase',
  tags,
  summary: 'Read a case',
  description: 'How a case did, and its files.',
  request: { params: PARAMS.case },
  responses: {
    200: json(SCHEMAS.caseDetail, 'The case.'),
    ...problems('JOB_NOT_FOUND', 'RESULT_NOT_FOUND'),
  },
});

const file = createRoute({
  method: 'get',
  path: '/jobs/{jobId}/cases/{caseId}/files/{name}',
  operationId: 'fetchCaseFile',
  tags,
  summary: 'Fetch a file of a case',
  description: 'A file of the result package, or `results.zip`, all of it.',
  request: { params: PARAMS.file },
  responses: { ...fetched, ...problems('JOB_NOT_FOUND', 'JOB_NOT_FINISHED', 'RESULT_NOT_FOUND') },
});

/** Adds the calls that lead to results. */
export function addResultRoutes(app: OpenAPIHono<HttpEnv>, home: HttpHome): void {
  const { ports } = home;
  app.openapi(result, async (c) => {
    const answer = await resultOf(ports, c.req.valid('param').jobId);
    return wantsJson(c) ? c.json(answer, 200) : redirectTo(c, answer);
  });
  app.openapi(jobFile, async (c) => {
    const { jobId, name } = c.req.valid('param');
    const answer = await jobFileLink(ports, jobId, name);
    return wantsJson(c) ? c.json(answer, 200) : redirectTo(c, answer);
  });
  app.openapi(oneCase, async (c) => {
    const { jobId, caseId } = c.req.valid('param');
    const found = await readCase(ports, jobId, caseId, linksOf(home, c));
    return c.json(found, 200);
  });
  app.openAPIRegistry.registerPath(file);
  app.openapi({ ...file, path: FILE_PATH, hide: true }, async (c) => {
    const { jobId, caseId, name } = c.req.valid('param');
    const answer = await caseFileLink(ports, jobId, caseId, name);
    return wantsJson(c) ? c.json(answer, 200) : redirectTo(c, answer);
  });
}

const wantsJson = (c: Context): boolean => (c.req.header('accept') ?? '').includes('application/json');

function redirectTo(c: Context, { url }: ResultAnswer) {
  return c.redirect(url, 302);
}
