import { z } from '@hono/zod-openapi';
import { asHpbError, ERROR_CODES, HpbError, type ErrorCode } from '../../core/errors.ts';

/** Media type of every error answer (RFC 9457). */
export const PROBLEM_TYPE = 'application/problem+json';

/** Body of every error answer. */
export const problemSchema = z
  .object({
    type: z.literal('about:blank'),
    title: z.string().meta({ description: 'The error code in words.' }),
    status: z.int().meta({ description: 'The HTTP status of this answer.' }),
    code: z
      .enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]])
      .meta({ description: 'A code of the closed list in docs/reference/error-codes.md.' }),
    detail: z.string().meta({ description: 'What is wrong, with the value received.' }),
    remedy: z.string().meta({ description: 'What to do about it.' }),
    retryable: z.boolean().meta({ description: 'Whether the same request can succeed later.' }),
    details: z.record(
      z.string(),
      z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.number())]),
    ),
    requestId: z.string().meta({ description: 'Quote it when you ask for help; it is in the log.' }),
  })
  .meta({
    id: 'Problem',
    description: 'An error: what is wrong, and what to do.',
    example: {
      type: 'about:blank',
      title: 'Job not found',
      status: 404,
      code: 'JOB_NOT_FOUND',
      detail: 'There is no job "j-unknown1".',
      remedy: 'List the jobs with GET /jobs.',
      retryable: false,
      details: {},
      requestId: 'b0c7f0a4-6a3e-4a53-9d5e-0d3f6b8a3c11',
    },
  });
type Problem = z.infer<typeof problemSchema>;

/** Seconds after which a refused request may be tried again, by status. */
const RETRY_AFTER: Readonly<Record<number, number>> = { 429: 30, 503: 10 };

/** The status that a code answers with. */
export const statusOf = (code: ErrorCode): number => ERROR_CODES[code].status;

/**
 * Any thrown value as an answer. Of what we did not foresee only the code goes out: its message can hold paths,
 * signed URLs or names, and the request id leads to the log. `answeredAs` is for a status that is not the code's own.
 */
export function problemResponse(thrown: unknown, requestId: string, answeredAs?: number): Response {
  const error = forCallers(asHpbError(thrown));
  const status = answeredAs ?? statusOf(error.code);
  const body: Problem = {
    type: 'about:blank',
    title: titleOf(error.code),
    status,
    code: error.code,
    detail: error.message,
    remedy: error.remedy,
    retryable: error.retryable,
    details: mutable(error.details),
    requestId,
  };
  const headers = new Headers({ 'content-type': PROBLEM_TYPE });
  const retryAfter = RETRY_AFTER[status];
  if (retryAfter !== undefined) headers.set('retry-after', String(retryAfter));
  return new Response(JSON.stringify(body), { status, headers });
}

function forCallers(error: HpbError): HpbError {
  if (error.code !== 'UNEXPECTED') return error;
  return new HpbError('UNEXPECTED', 'The service met an error that it did not foresee.', {
    remedy: 'Try again; if it happens again, report the request id to those who run the service.',
  });
}

function titleOf(code: ErrorCode): string {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

function mutable(details: HpbError['details']): Problem['details'] {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null ? [...value] : value,
    ]),
  );
}
