import type { OpenAPIHono } from '@hono/zod-openapi';
import type { HttpEnv } from './deployment.ts';
import { TAGS } from './openapi-parts.ts';

/** The OpenAPI 3.1 document of the API. */
export type OpenApiDocument = ReturnType<OpenAPIHono<HttpEnv>['getOpenAPI31Document']>;

/** Version of the API: counts up when a client would have to change. */
const API_VERSION = '1.0.0';

/** Builds the document of all routes added so far; it says nothing about where the service runs. */
export function openApiDocument(app: OpenAPIHono<HttpEnv>): OpenApiDocument {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'HPB Segmentation',
      version: API_VERSION,
      description:
        'Liver, hepatic-vessel and tumour segmentation of CT. Upload, start a job, watch it, fetch the results. Errors are problem documents (RFC 9457) with a code of a closed list. Not a medical device.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: '/', description: 'This service' }],
    tags: TAGS,
  });
}
