import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import {
  readinessAnswer,
  versionAnswer,
  type HttpEnv,
  type HttpHome,
  type VersionAnswer,
} from './deployment.ts';
import { json, problems } from './openapi-parts.ts';

const tags = ['Service'];

const health = createRoute({
  method: 'get',
  path: '/healthz',
  operationId: 'health',
  tags,
  summary: 'Is it alive',
  description: 'Answers `ok` whatever else goes on.',
  responses: {
    200: { description: '`ok`', content: { 'text/plain': { schema: z.literal('ok') } } },
    ...problems(),
  },
});

const readiness = createRoute({
  method: 'get',
  path: '/readinessz',
  operationId: 'readiness',
  tags,
  summary: 'Can it work',
  description: 'Checks what jobs need: engines, weights, folders, disk space.',
  responses: {
    200: json(readinessAnswer, 'Ready.'),
    ...problems(),
    503: json(readinessAnswer, 'Not ready; `errors` says why.'),
  },
});

const version = createRoute({
  method: 'get',
  path: '/version',
  operationId: 'version',
  tags,
  summary: 'What runs here',
  description:
    'Versions of service, engines and weights, the licence of each model, and what a request may ask for here.',
  responses: { 200: json(versionAnswer, 'The versions.'), ...problems() },
});

/** Adds the calls about the service itself. */
export function addHealthRoutes(app: OpenAPIHono<HttpEnv>, home: HttpHome): void {
  const { deployment } = home;
  app.openapi(health, (c) => c.text('ok', 200));
  app.openapi(readiness, async (c) => {
    const answer = await deployment.readiness();
    return answer.ready ? c.json(answer, 200) : c.json(answer, 503);
  });
  app.openapi(version, async (c) => c.json({ ...(await deployment.version()), offers: offersOf(home) }, 200));
}

function offersOf({ ports, deployment }: HttpHome): VersionAnswer['offers'] {
  const { hasViewer = false } = ports;
  const { paidMachines = false } = deployment;
  return [...(paidMachines ? (['maxCostUsd'] as const) : []), ...(hasViewer ? (['publish'] as const) : [])];
}
