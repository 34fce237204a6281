import { createHttpApp } from '../../adapters/http-app/app.ts';
import { openApiDocument } from '../../adapters/http-app/openapi-document.ts';
import { HpbError } from '../../core/errors.ts';
import type { ServicePorts } from '../../core/use-cases/service-ports.ts';

/** docs/reference/openapi.json: the document that every home of the API answers with. */
export function openApiText(): string {
  // The document depends on the routes alone: nothing is called.
  const app = createHttpApp({} as ServicePorts, {
    version: notServed,
    readiness: notServed,
    loadForms: async () => (await import('../../adapters/http-app/form-routes.ts')).segmentForm,
    serverSentEvents: true,
    baseUrl: () => '',
  });
  return `${JSON.stringify(openApiDocument(app), null, 2)}\n`;
}

async function notServed(): Promise<never> {
  throw new HpbError('UNEXPECTED', 'An app without ports was asked to serve.', {
    remedy: 'Make it with the ports of a home.',
  });
}
