import { handle, type ApiGatewayRequestContext, type LambdaContext, type LambdaEvent } from 'hono/aws-lambda';
import { createHttpApp } from '../adapters/http-app/app.ts';
import { readinessFacts, versionFacts } from './api-facts.ts';
import { startingPorts, type StartingPorts } from './wire.ts';

/** The answer of a REST API's function. */
interface RestAnswer {
  readonly statusCode: number;
  readonly body: string;
  readonly isBase64Encoded: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>;
}

/** What API Gateway calls. */
export type RestFunction = (event: LambdaEvent, context?: LambdaContext) => Promise<RestAnswer>;

/** The API behind API Gateway: the app of the laptop, whose bytes come and go by signed links only. */
export function create(ports: StartingPorts): RestFunction {
  const app = createHttpApp(ports, {
    version: () => versionFacts(ports),
    readiness: () => readinessFacts(ports),
    loadForms: null,
    serverSentEvents: false,
    paidMachines: true,
    baseUrl: (request, env) => new URL(request.url).origin + stagePrefix(env),
  });
  return handle(app) as unknown as RestFunction;
}

/** `/prod` where callers reach the API by the name of its stage; nothing under a domain of its own. */
function stagePrefix(env: unknown): string {
  const { event, requestContext } = env as {
    readonly event: { readonly path?: string };
    readonly requestContext: Partial<ApiGatewayRequestContext>;
  };
  const { path = '' } = requestContext;
  const { path: own = '' } = event;
  return path.endsWith(own) ? path.slice(0, path.length - own.length) : '';
}

/** What API Gateway calls. */
export const handler = create(startingPorts());
