import { OpenAPIHono } from '@hono/zod-openapi';
import { HpbError } from '../../core/errors.ts';
import type { ServicePorts } from '../../core/use-cases/service-ports.ts';
import { PATIENCE, type HttpDeployment, type HttpEnv, type HttpHome } from './deployment.ts';
import { addEstimateRoute } from './estimate-route.ts';
import { addEventRoutes } from './event-routes.ts';
import { addHealthRoutes } from './health-routes.ts';
import { addJobRoutes } from './job-routes.ts';
import { openApiDocument, type OpenApiDocument } from './openapi-document.ts';
import { addPageRoutes } from './page-routes.ts';
import { problemResponse, statusOf } from './problem.ts';
import { requestFrame } from './request-frame.ts';
import { addResultRoutes } from './result-routes.ts';
import { addSegmentRoutes } from './segment-routes.ts';
import { addUploadRoutes } from './upload-routes.ts';
import { invalidRequest } from './validation.ts';

/**
 * The API. One app for every home: `hono/aws-lambda` serves it in the cloud, `@hono/node-server` on a laptop.
 * Every answer has an `X-Request-ID`; every error is a problem document.
 */
export function createHttpApp(ports: ServicePorts, deployment: HttpDeployment): OpenAPIHono<HttpEnv> {
  const home: HttpHome = { ports, deployment, patience: { ...PATIENCE, ...deployment.patience } };
  const app = new OpenAPIHono<HttpEnv>({ defaultHook: invalidRequest });
  app.use(requestFrame(home));
  app.onError((error, c) => {
    logFailure(home, error, c.get('requestId'));
    return problemResponse(error, c.get('requestId'));
  });
  addUploadRoutes(app, home);
  addEstimateRoute(app, home);
  addSegmentRoutes(app, home);
  addJobRoutes(app, home);
  addResultRoutes(app, home);
  addEventRoutes(app, home);
  addHealthRoutes(app, home);
  addDocumentRoutes(app);
  const { objects, page } = deployment;
  if (page !== undefined) addPageRoutes(app, home, page);
  if (objects !== undefined) app.all('/objects/*', (c) => objects.handle(c.req.raw, c.get('requestId')));
  const allowed = methodsByPath(app);
  app.notFound((c) => {
    const methods = allowed(c.req.path);
    const answer = problemResponse(notServed(c.req.method, methods), c.get('requestId'));
    if (methods.length > 0) answer.headers.set('allow', methods.join(', '));
    return answer;
  });
  return app;
}

function addDocumentRoutes(app: OpenAPIHono<HttpEnv>): void {
  let document: OpenApiDocument | null = null;
  const documented = (): OpenApiDocument => (document ??= openApiDocument(app));
  app.get('/openapi.json', (c) => c.json(documented(), 200));
  app.get('/docs', async (c) => {
    const { DOCS_HEADERS, docsPage } = await import('./docs-page.ts');
    return c.html(docsPage(documented()), 200, DOCS_HEADERS);
  });
}

/** Only what is ours to mend is logged, by name and place: the message can hold what no log may. */
function logFailure({ ports }: HttpHome, error: Error, requestId: string): void {
  const code = error instanceof HpbError ? error.code : 'UNEXPECTED';
  if (statusOf(code) < 500) return;
  const at = error.stack
    ?.match(/\n {4}at .*/)?.[0]
    .trim()
    .replace(/\(.*\//, '(');
  ports.log.error('http:failed', { requestId, code, error: error.name, at });
}

/** The methods that a path can be asked with. */
function methodsByPath(app: OpenAPIHono<HttpEnv>): (path: string) => readonly string[] {
  const routes = app.routes
    .filter(({ method, path }) => method !== 'ALL' && path !== '/*')
    .map(({ method, path }) => ({
      method,
      pattern: new RegExp(
        `^${path
          .replaceAll('.', String.raw`\.`)
          .replaceAll(/:\w+/g, '[^/]+')
          .replaceAll('[^/]+{.+}', '.+')}$`,
      ),
    }));
  return (path) => [
    ...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)),
  ];
}

function notServed(method: string, allowed: readonly string[]): HpbError {
  if (allowed.length > 0 && !allowed.includes(method))
    return new HpbError('METHOD_NOT_ALLOWED', `${method} is not served on this path.`, {
      remedy: `Use ${allowed.join(' or ')}.`,
    });
  return new HpbError('ROUTE_NOT_FOUND', 'There is nothing on this path.', {
    remedy: 'GET /docs lists the calls of this API.',
  });
}
