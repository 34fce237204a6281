import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { HttpEnv, HttpHome } from './deployment.ts';
import { jsonBody } from './json-body.ts';
import { body, BODY_ERRORS, json, problems, SCHEMAS } from './openapi-parts.ts';

const estimate = createRoute({
  method: 'post',
  path: '/estimate',
  operationId: 'estimate',
  tags: ['Segmentation'],
  summary: 'Tell whether a CT would fit',
  description:
    'Memory, time and cost of a CT, by the header of an upload or by a grid alone: nothing is started. What would be refused is answered with 200 and `fits: false`, with the reason and with the options that would make it fit. Time, cost and GPU memory are uncalibrated.',
  request: { body: body(SCHEMAS.estimateRequest) },
  responses: {
    200: json(SCHEMAS.estimate, 'Whether it fits, and what it would take.'),
    ...problems(
      ...BODY_ERRORS,
      'BAD_OPTION',
      'UPLOAD_NOT_FOUND',
      'UPLOAD_INCOMPLETE',
      'UPLOAD_SIZE_MISMATCH',
      'INPUT_IS_ARCHIVE',
      'INPUT_IS_DICOM',
      'NIFTI_NOT_NIFTI',
      'NIFTI_SHORT_HEADER',
      'NIFTI_BAD_GZIP',
      'NIFTI_TOO_LARGE',
    ),
  },
});

/** Adds `POST /estimate`. */
export function addEstimateRoute(app: OpenAPIHono<HttpEnv>, { ports, patience }: HttpHome): void {
  app.openapi({ ...estimate, middleware: jsonBody(patience) }, async (c) => {
    // Most calls do without: the function starts sooner.
    const { estimateScan } = await import('../../core/use-cases/estimate-scan.ts');
    return c.json(await estimateScan(ports, c.req.valid('json')), 200);
  });
}
