import { isThrottlingError } from '@smithy/core/retry';
import { HpbError } from '../core/errors.ts';
import type { ByteRange, WriteCondition } from '../core/ports.ts';
import {
  multipartNotFound,
  objectChanged,
  objectExists,
  objectNotFound,
  partsIncomplete,
  rangeNotSatisfiable,
} from './store-errors.ts';

/** What was asked of S3 when it refused. */
export interface S3Request {
  readonly key: string;
  readonly condition?: WriteCondition | undefined;
  readonly range?: ByteRange | undefined;
}

type Translate = (request: S3Request, cause: Error) => HpbError;

const notFound: Translate = ({ key, condition }, cause) =>
  // `If-Match` on an object that is gone.
  condition?.ifTag === undefined ? objectNotFound(key, cause) : objectChanged(key, cause);
const preconditionFailed: Translate = ({ key, condition }, cause) =>
  condition?.ifTag === undefined ? objectExists(key, cause) : objectChanged(key, cause);
const unavailable: Translate = (_, cause) =>
  new HpbError('STORE_UNAVAILABLE', `S3 does not answer at present (${cause.name}).`, {
    remedy: 'Try again in a moment; the AWS Health Dashboard shows whether S3 is disturbed.',
    cause,
  });
const refused: Translate = (_, cause) =>
  new HpbError('STORE_REFUSED', `S3 refuses this service (${cause.name}).`, {
    remedy: 'Check that the bucket exists, and the role of this process: its S3 and KMS permissions.',
    cause,
  });
const corrupt: Translate = ({ key }, cause) =>
  new HpbError('OBJECT_CHECKSUM_MISMATCH', `What arrived of ${JSON.stringify(key)} is not what was sent.`, {
    remedy: 'Send it again.',
    cause,
  });

/** Error name of S3, or of the SDK, and what it is to us; every other is left as it came. */
const TRANSLATIONS: Readonly<Record<string, Translate>> = {
  NoSuchKey: notFound,
  NotFound: notFound,
  PreconditionFailed: preconditionFailed,
  // Another conditional write of the same key was under way.
  ConditionalRequestConflict: ({ key }, cause) => objectChanged(key, cause),
  InvalidRange: ({ key, range }, cause) =>
    range === undefined ? corrupt({ key }, cause) : rangeNotSatisfiable(range, null, cause),
  NoSuchUpload: (_, cause) => multipartNotFound(cause),
  InvalidPart: (_, cause) => partsIncomplete('a part has not arrived as given', cause),
  InvalidPartOrder: (_, cause) => partsIncomplete('the parts are not in order', cause),
  EntityTooSmall: (_, cause) => partsIncomplete('a part other than the last has less than 5 MiB', cause),
  BadDigest: corrupt,
  InvalidDigest: corrupt,
  XAmzContentChecksumMismatch: corrupt,
  XAmzContentSHA256Mismatch: corrupt,
  SlowDown: unavailable,
  ServiceUnavailable: unavailable,
  InternalError: unavailable,
  OperationAborted: unavailable,
  RequestTimeout: unavailable,
  TimeoutError: unavailable,
  NetworkingError: unavailable,
  AccessDenied: refused,
  NoSuchBucket: refused,
  PermanentRedirect: refused,
  InvalidAccessKeyId: refused,
  SignatureDoesNotMatch: refused,
  ExpiredToken: refused,
  CredentialsProviderError: refused,
  'KMS.DisabledException': refused,
  'KMS.NotFoundException': refused,
};

/** Errors of the connection by their code. */
const UNREACHABLE: ReadonlySet<string | undefined> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
]);

interface SdkError extends Error {
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** An error of the S3 client as an `HpbError`; what is not in the table stays as it is. */
export function s3Error(thrown: unknown, request: S3Request): unknown {
  if (thrown instanceof HpbError || !(thrown instanceof Error)) return thrown;
  const error = thrown as SdkError;
  const translate = Object.hasOwn(TRANSLATIONS, error.name) ? TRANSLATIONS[error.name] : undefined;
  if (translate !== undefined) return translate(request, error);
  // KMS, whose throttling S3 passes on, and whatever else the SDK tries again for this reason.
  if (isThrottlingError(error as Parameters<typeof isThrottlingError>[0])) return unavailable(request, error);
  if (UNREACHABLE.has(error.code) || (error.$metadata?.httpStatusCode ?? 0) >= 500)
    return unavailable(request, error);
  return byStatus(error, request);
}

/** Answers to HEAD have no body, and so no name. */
const BY_STATUS: Readonly<Record<number, Translate>> = {
  403: refused,
  404: notFound,
  412: preconditionFailed,
};

function byStatus(error: SdkError, request: S3Request): unknown {
  const translate = BY_STATUS[error.$metadata?.httpStatusCode ?? 0];
  return translate === undefined ? error : translate(request, error);
}
