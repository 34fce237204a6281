import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { HpbError } from '../../core/errors.ts';
import { SEGMENT_TARGETS, type SegmentTarget } from '../../core/requests.ts';
import { submitJob } from '../../core/use-cases/submit-job.ts';
import { linksOf, type HttpEnv, type HttpHome } from './deployment.ts';
import { jsonBody } from './json-body.ts';
import { body, BODY_ERRORS, json, problems, SCHEMAS } from './openapi-parts.ts';

const FORM_TYPE = 'multipart/form-data';

const params = z.object({
  target: z.enum(SEGMENT_TARGETS).meta({
    description:
      'A model, `both` (liver and task008 of one CT), or `batch` (an archive of CTs, or a manifest).',
    example: 'both',
  }),
});
const KEY = /^[\x21-\x7e]{1,255}$/;
const KEY_RULE = 'expected 1 to 255 printable ASCII characters';
const headers = z.object({
  'idempotency-key': z
    .string()
    .regex(KEY, KEY_RULE)
    .optional()
    .meta({ description: 'The same key and body is the same job; another body is refused.' }),
});

const submit = createRoute({
  method: 'post',
  path: '/segment/{target}',
  operationId: 'submitJob',
  tags: ['Segmentation'],
  summary: 'Segment an upload',
  description:
    'Starts a job and answers at once. The upload of a `batch` is an archive (.zip, .tar, .tar.gz), or a manifest of cases that are uploads of their own: `{"cases": [{"uploadId": "u-…", "name": "one"}]}`. On a laptop the CT may also come as a form (`ct`, for `batch` an archive as `bundle`): that call waits and answers with the ZIP (`both`, `batch`) or the mask; a caller who leaves cancels the job, unless it has an `Idempotency-Key`: the same form with the same key is answered with the result of the same job.',
  request: { params, headers, body: body(SCHEMAS.submit) },
  responses: {
    202: json(SCHEMAS.job, 'The job, new. `Location` names it.'),
    200: json(SCHEMAS.job, 'The job that this Idempotency-Key has made before.'),
    ...problems(
      ...BODY_ERRORS,
      'UNKNOWN_MODEL',
      'UPLOAD_NOT_FOUND',
      'UPLOAD_INCOMPLETE',
      'UPLOAD_SIZE_MISMATCH',
      'BAD_OPTION',
      'IDEMPOTENCY_CONFLICT',
      'JOB_TOO_EXPENSIVE',
      'TOO_MANY_JOBS',
      'DISK_FULL',
      'WEIGHTS_MISSING',
    ),
  },
});

const file = (description: string) => z.string().optional().meta({ description, format: 'binary' });
const flag = (description: string) =>
  z
    .string()
    .optional()
    .meta({ description, enum: ['1', 'true', 'yes', 'on', '0', 'false', 'no', 'off'] });
const form = z
  .strictObject({
    ct: file('The CT, .nii or .nii.gz, for a model or `both`.'),
    bundle: file('Archive of CTs, for `batch`.'),
    folds: z.string().optional().meta({ description: 'Such as `0,1`.', pattern: '^[0-4](,[0-4]){0,4}$' }),
    fast: flag('Default: false for liver and totalseg, else true.'),
    tta: flag('Test-time augmentation of nnU-Net v1. Default: false.'),
    web: flag('The folder of the viewer as a ZIP, instead of masks; not for `batch`.'),
  })
  .meta({ oneOf: [{ required: ['ct'] }, { required: ['bundle'] }] });

/** Adds `POST /segment/{target}`, for JSON and for forms. */
export function addSegmentRoutes(app: OpenAPIHono<HttpEnv>, home: HttpHome): void {
  registerDocumented(app);
  app.post('/segment/:target', async (c, next) => {
    const target = SEGMENT_TARGETS.find((known) => known === c.req.param('target'));
    if (target === undefined) throw unknownTarget(c.req.param('target'));
    const isForm = c.req.header('content-type')?.toLowerCase().startsWith(FORM_TYPE) ?? false;
    if (!isForm) return next();
    if (home.deployment.loadForms === null) throw formsNotTaken(target);
    const segmentForm = await home.deployment.loadForms();
    return segmentForm(home, { target, idempotencyKey: keyOf(c) }, c);
  });
  app.openapi({ ...submit, hide: true, middleware: jsonBody(home.patience, typesTaken(home)) }, async (c) => {
    const links = linksOf(home, c);
    const { job, created } = await submitJob(home.ports, {
      target: c.req.valid('param').target,
      body: c.req.valid('json'),
      idempotencyKey: c.req.valid('header')['idempotency-key'],
      ...links,
    });
    c.header('Location', `${links.baseUrl}/jobs/${job.jobId}`);
    return created ? c.json(job, 202) : c.json(job, 200);
  });
}

const typesTaken = ({ deployment }: HttpHome): string =>
  deployment.loadForms !== null
    ? 'Send application/json that names an upload, or the file itself as a form (curl -F ct=@FILE, for `batch` bundle=@FILE).'
    : 'Send application/json that names an upload.';

/** What the call takes and answers in both its forms; the form itself is read by `segmentForm`. */
function registerDocumented(app: OpenAPIHono<HttpEnv>): void {
  const { request, responses } = submit;
  const binary = { schema: z.string().meta({ format: 'binary' }) };
  app.openAPIRegistry.registerPath({
    ...submit,
    request: {
      ...request,
      body: { required: true, content: { ...request.body.content, [FORM_TYPE]: { schema: form } } },
    },
    responses: {
      ...responses,
      200: {
        description: `${responses[200].description} For a form: the ZIP, or the mask.`,
        content: {
          ...responses[200].content,
          'application/zip': binary,
          'application/gzip': binary,
        },
      },
    },
  });
}

function keyOf(c: Context<HttpEnv>): string | undefined {
  const key = c.req.header('idempotency-key');
  if (key === undefined || KEY.test(key)) return key;
  throw new HpbError('REQUEST_INVALID', `The field "idempotency-key": ${KEY_RULE}.`, {
    remedy: 'See /docs for what this call takes.',
  });
}

function unknownTarget(received: string): HpbError {
  return new HpbError(
    'UNKNOWN_MODEL',
    `There is no model ${JSON.stringify(received.slice(0, 64))} to segment with.`,
    {
      remedy: `Use one of ${SEGMENT_TARGETS.join(', ')}.`,
    },
  );
}

function formsNotTaken(target: SegmentTarget): HpbError {
  const first = 'POST /uploads {"fileName", "sizeBytes"}';
  const second = 'PUT the file to the signed URL it answers';
  const third = `POST /segment/${target} {"uploadId"}`;
  return new HpbError('REQUEST_TYPE_UNSUPPORTED', 'Files do not come as a form here, but to a signed URL.', {
    remedy: `Make three calls instead: ${first}; ${second}; ${third}, then GET /jobs/{jobId}.`,
    details: { call1: first, call2: second, call3: third },
  });
}
