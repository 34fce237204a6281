import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';
import { ERROR_CODES, type ErrorCode } from '../../core/errors.ts';

interface GatewayProblem {
  readonly type: ResponseType;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly remedy: string;
  /** When it is not that of the code. */
  readonly status?: number;
}

const refused = (type: ResponseType, detail: string): GatewayProblem => ({
  type,
  code: 'ACCESS_REFUSED',
  detail,
  remedy: 'Sign the request (SigV4, service execute-api) with credentials that may call this API.',
});

const away = (type: ResponseType, status: number): GatewayProblem => ({
  type,
  code: 'SERVICE_UNREACHABLE',
  status,
  detail: 'The API could not answer this request.',
  remedy: 'Try again in a minute; report the request id if it happens again.',
});

/** What API Gateway answers by itself, in the same shape as everything else. */
const GATEWAY_PROBLEMS: readonly GatewayProblem[] = [
  refused(ResponseType.ACCESS_DENIED, 'The credentials of this request may not make it.'),
  refused(ResponseType.MISSING_AUTHENTICATION_TOKEN, 'The request is not signed, or its path is not served.'),
  refused(ResponseType.INVALID_SIGNATURE, 'The signature of the request is not right.'),
  refused(ResponseType.EXPIRED_TOKEN, 'The credentials of the request have expired.'),
  refused(ResponseType.UNAUTHORIZED, 'The request is not authorised.'),
  refused(ResponseType.WAF_FILTERED, 'A rule of the firewall refuses this request.'),
  {
    type: ResponseType.THROTTLED,
    code: 'TOO_MANY_REQUESTS',
    detail: 'More requests came than the API takes.',
    remedy: 'Send the request again in a few seconds.',
  },
  {
    type: ResponseType.REQUEST_TOO_LARGE,
    code: 'REQUEST_TOO_LARGE',
    detail: 'The body is larger than the 10 MB that the API carries.',
    remedy: 'Send files by the signed links of POST /uploads.',
  },
  {
    type: ResponseType.DEFAULT_4XX,
    code: 'REQUEST_INVALID',
    status: 400,
    detail: 'The gateway could not read this request.',
    remedy: 'Look at what was sent; GET /docs lists the calls.',
  },
  away(ResponseType.INTEGRATION_TIMEOUT, 504),
  away(ResponseType.INTEGRATION_FAILURE, 502),
  away(ResponseType.DEFAULT_5XX, 500),
];

/** Lets the gateway answer its own errors as problem documents. */
export function addGatewayProblems(api: RestApi): void {
  for (const { type, code, status = ERROR_CODES[code].status, detail, remedy } of GATEWAY_PROBLEMS) {
    const problem = JSON.stringify({
      type: 'about:blank',
      title: title(code),
      status,
      code,
      detail,
      remedy,
      retryable: ERROR_CODES[code].retryable,
      details: {},
      requestId: '$context.requestId',
    });
    api.addGatewayResponse(type.responseType, {
      type,
      statusCode: String(status),
      responseHeaders: { 'content-type': "'application/problem+json'", 'cache-control': "'no-store'" },
      // It is chosen by what the caller accepts; without one of these names it would not be chosen.
      templates: { 'application/json': problem, 'application/problem+json': problem },
    });
  }
}

function title(code: ErrorCode): string {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
