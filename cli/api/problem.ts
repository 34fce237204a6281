import { z } from 'zod';
import { errorDocument } from '../../core/shard.ts';
import { HpbError, isErrorCode } from '../../core/errors.ts';

const problem = z.object({
  code: z.string(),
  detail: z.string(),
  remedy: z.string(),
  details: errorDocument.shape.details.optional(),
});

/** What an answer that is no success says, in our own words and codes. */
export async function answerError(response: Response, endpoint: string): Promise<HpbError> {
  const text = await response.text().catch(() => '');
  const parsed = problem.safeParse(jsonOf(text));
  if (!parsed.success) return foreignAnswer(response, endpoint);
  const { code, detail, remedy, details } = parsed.data;
  if (isErrorCode(code))
    return new HpbError(code, detail, { remedy, ...(details !== undefined && { details }) });
  return new HpbError('UNEXPECTED', `${detail} (the service's code: ${code})`, {
    remedy: `${remedy} This command does not know the code: the service is newer than it.`,
    details: { code },
  });
}

/** An answer of somebody else: a gateway before the service, or another program at its address. */
export function foreignAnswer({ status, headers }: Response, endpoint: string): HpbError {
  if (status === 401 || status === 403)
    return new HpbError('ACCESS_REFUSED', `${endpoint} refuses these credentials (HTTP ${status}).`, {
      remedy:
        'Check who you are with `aws sts get-caller-identity`, that this user may call the API, and that the endpoint has its stage (…/prod); --aws signs for endpoints with a name of their own.',
      details: { status },
    });
  if (status >= 500)
    return new HpbError('SERVICE_UNREACHABLE', `${endpoint} answers HTTP ${status} without a reason.`, {
      remedy:
        'Try again in a minute; if that does not help, those who run the service find the reason in its log.',
      details: { status },
    });
  const type = headers.get('content-type')?.split(';')[0] ?? 'no type';
  return new HpbError(
    'SERVICE_UNREACHABLE',
    `What answers at ${endpoint} is not the segmentation service (HTTP ${status}, ${type}).`,
    { remedy: 'Name the service with --endpoint or HPB_ENDPOINT.', details: { status } },
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
