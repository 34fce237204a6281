import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { completeUpload, listUploadParts, openUpload } from '../../core/use-cases/uploads.ts';
import type { HttpEnv, HttpHome } from './deployment.ts';
import { jsonBody } from './json-body.ts';
import { body, BODY_ERRORS, json, PARAMS, problems, SCHEMAS } from './openapi-parts.ts';

const open = createRoute({
  method: 'post',
  path: '/uploads',
  operationId: 'openUpload',
  tags: ['Uploads'],
  summary: 'Open an upload',
  description:
    'Answers with one signed PUT, or with signed parts for large files. Size and content type are part of the signatures. Then `POST /uploads/{uploadId}/complete`.',
  request: { body: body(SCHEMAS.openUpload) },
  responses: {
    201: json(SCHEMAS.upload, 'The upload and its signed requests.'),
    ...problems(...BODY_ERRORS, 'DISK_FULL'),
  },
});

const uploadAnswers = {
  200: json(SCHEMAS.upload, 'Where the upload stands.'),
  ...problems('UPLOAD_NOT_FOUND', 'UPLOAD_INCOMPLETE', 'UPLOAD_SIZE_MISMATCH', 'UPLOAD_COMMITTED'),
};

const complete = createRoute({
  method: 'post',
  path: '/uploads/{uploadId}/complete',
  operationId: 'completeUpload',
  tags: ['Uploads'],
  summary: 'Complete an upload',
  description: 'Joins the parts and checks the size. May be repeated.',
  request: { params: PARAMS.upload },
  responses: uploadAnswers,
});

const partsRoute = {
  path: '/uploads/{uploadId}/parts',
  tags: ['Uploads'],
  summary: 'Resume an upload',
  description: 'Lists what has arrived and signs what is missing again, so a slow line can resume for days.',
  request: { params: PARAMS.upload },
  responses: uploadAnswers,
};
const readParts = createRoute({ ...partsRoute, method: 'get', operationId: 'readUploadParts' });
const signParts = createRoute({ ...partsRoute, method: 'post', operationId: 'signUploadParts' });

/** Adds the calls on uploads. */
export function addUploadRoutes(app: OpenAPIHono<HttpEnv>, { ports, patience }: HttpHome): void {
  app.openapi({ ...open, middleware: jsonBody(patience) }, async (c) => {
    const answer = await openUpload(ports, c.req.valid('json'));
    return c.json(answer, 201);
  });
  app.openapi(complete, async (c) => c.json(await completeUpload(ports, c.req.valid('param').uploadId), 200));
  app.openapi(readParts, async (c) =>
    c.json(await listUploadParts(ports, c.req.valid('param').uploadId), 200),
  );
  app.openapi(signParts, async (c) =>
    c.json(await listUploadParts(ports, c.req.valid('param').uploadId), 200),
  );
}
