import createClient, { type Client } from 'openapi-fetch';
import type { paths } from './schema.d.ts';

/** The service's API, typed by its OpenAPI document: `client.GET('/jobs/{jobId}', …)`. */
export type HpbClient = Client<paths>;

/** How to reach the service. */
export interface ClientOptions {
  /** Such as `http://127.0.0.1:8080`, or the URL of an API Gateway stage. */
  readonly endpoint: string;
  /** Makes the requests in place of the global `fetch`; `signingFetch` is one for deployments in AWS. */
  readonly fetch?: (request: Request) => Promise<Response>;
}

/**
 * A typed client of the service. Each call gives `{ data }` or `{ error }` (a problem document) with the `response`;
 * it throws only what `fetch` throws. Files go to and come from signed URLs with plain requests, never through it.
 */
export function createHpbClient({ endpoint, fetch }: ClientOptions): HpbClient {
  return createClient<paths>({
    baseUrl: endpoint,
    // A redirect would carry the signature to where it is not meant for.
    redirect: 'manual',
    headers: { accept: 'application/json' },
    ...(fetch !== undefined && { fetch }),
  });
}
