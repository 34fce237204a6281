import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { Sha256 } from '@smithy/core/checksum';
import { HttpRequest } from '@smithy/core/transport';
import { SignatureV4 } from '@smithy/signature-v4';
import { HpbError } from '../../core/errors.ts';

/** How requests to a deployment are signed. */
export interface SigningOptions {
  /** Region of the API, such as `eu-central-1`. */
  readonly region: string;
  /** Default: the standard AWS credential chain (environment, profile, SSO, instance role …). */
  readonly credentials?: ConstructorParameters<typeof SignatureV4>[0]['credentials'];
  readonly fetch?: (request: Request) => Promise<Response>;
}

/**
 * A `fetch` that signs each request with SigV4 for API Gateway. For API calls only: a signed URL carries its own
 * signature.
 *
 * @throws HpbError SETTINGS_INVALID from the calls when there are no credentials.
 */
export function signingFetch(options: SigningOptions): (request: Request) => Promise<Response> {
  const { region, credentials = defaultProvider(), fetch = globalThis.fetch } = options;
  const signer = new SignatureV4({ service: 'execute-api', region, credentials, sha256: Sha256 });
  return async (request) => fetch(await signed(request, signer));
}

async function signed(request: Request, signer: SignatureV4): Promise<Request> {
  const { protocol, hostname, host, port, pathname, searchParams } = new URL(request.url);
  const text = await request.clone().text();
  const body = text === '' ? {} : { body: text };
  const unsigned = new HttpRequest({
    method: request.method,
    protocol,
    hostname,
    ...(port !== '' && { port: Number(port) }),
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: { ...Object.fromEntries(request.headers), host },
    ...body,
  });
  const { headers } = await signer.sign(unsigned).catch((error: unknown) => {
    throw noCredentials(error);
  });
  const { host: _, ...sent } = headers;
  return new Request(request.url, {
    method: request.method,
    headers: sent,
    redirect: request.redirect,
    signal: request.signal,
    ...body,
  });
}

function noCredentials(cause: unknown): HpbError {
  return new HpbError('SETTINGS_INVALID', 'The AWS credential chain holds no usable credentials.', {
    remedy:
      'Run `aws sso login` or `aws configure`, or set AWS_PROFILE; `aws sts get-caller-identity` shows whether it worked.',
    cause,
  });
}
