import type { Context } from 'hono';
import { z } from '@hono/zod-openapi';
import type { AnswerLinks, ServicePorts } from '../../core/use-cases/service-ports.ts';
import type { segmentForm as SegmentForm } from './form-routes.ts';
import type { PageFiles } from './page-routes.ts';

/** Answer of `GET /version`. */
export const versionAnswer = z
  .object({
    service: z.string().meta({ description: 'Version of this service.' }),
    node: z.string(),
    engines: z
      .record(z.string(), z.string())
      .meta({ description: 'Engine -> version; empty where no engine runs.' }),
    models: z.array(
      z.object({
        id: z.string(),
        title: z.string(),
        weights: z.enum(['real', 'demo', 'missing', 'unknown']),
        weightsVersion: z.string().nullable(),
        licence: z.object({ name: z.string(), url: z.string(), commercialUse: z.boolean() }),
      }),
    ),
    offers: z.array(z.enum(['maxCostUsd', 'publish'])).meta({
      description:
        'Fields of a request that mean something here: `maxCostUsd` where machines are paid for, `publish` where there is a viewer.',
    }),
  })
  .meta({ id: 'Version' });
export type VersionAnswer = z.infer<typeof versionAnswer>;

/** What a home tells of its versions; what it offers follows from how the app is wired. */
export type VersionFacts = Omit<VersionAnswer, 'offers'>;

/** Answer of `GET /readinessz`. */
export const readinessAnswer = z
  .object({
    ready: z.boolean(),
    checks: z.record(z.string(), z.boolean()).meta({ description: 'Check -> whether it passed.' }),
    errors: z.array(z.string()).meta({ description: 'What is wrong and what to do; empty when ready.' }),
  })
  .meta({ id: 'Readiness' });
export type ReadinessAnswer = z.infer<typeof readinessAnswer>;

/** What the homes of the API differ in. */
export interface HttpDeployment {
  readonly version: () => Promise<VersionFacts>;
  readonly readiness: () => Promise<ReadinessAnswer>;
  /**
   * Loads what answers CTs and archives that come as forms; null where they may not (API Gateway carries 10 MB at most). A
   * home names it, so that what takes no forms does not carry it.
   */
  readonly loadForms: (() => Promise<typeof SegmentForm>) | null;
  readonly serverSentEvents: boolean;
  /** Whether the machines of a job are paid for by the hour. Default: no. */
  readonly paidMachines?: boolean;
  /** Loads what makes thumbnails for `?web=1`: only where forms are taken, and large. */
  readonly loadJpegOfPng?: () => Promise<(png: Uint8Array) => Uint8Array>;
  /** Whether a `Host` header names this server; without it every host is served. */
  readonly allowedHosts?: (host: string) => boolean;
  /** What the links in an answer begin with, without a slash at the end; `env`: what the server hands over beside it. */
  readonly baseUrl: (request: Request, env: unknown) => string;
  /** Serves the signed links of the laptop's store, below `/objects/`. */
  readonly objects?: { readonly handle: (request: Request, requestId: string) => Promise<Response> };
  /** The page at `/`; left out, there is none. */
  readonly page?: PageFiles;
  /** How patient the server is; defaults: see `PATIENCE`. */
  readonly patience?: Partial<Patience>;
}

/** Waiting times of the server, ms. */
export interface Patience {
  /** For the next bytes of a body. */
  readonly bodyIdleMs: number;
  /** For the whole of a JSON body. */
  readonly jsonMs: number;
  /** Between two looks at a job that a form waits for. */
  readonly pollMs: number;
  /** Between two looks at a job whose events are sent. */
  readonly eventsMs: number;
  /** Between two signs of life of an event stream. */
  readonly heartbeatMs: number;
}

/** Defaults of `HttpDeployment.patience`. */
export const PATIENCE: Patience = {
  bodyIdleMs: 30_000,
  jsonMs: 30_000,
  pollMs: 250,
  eventsMs: 1_000,
  heartbeatMs: 15_000,
};

/** What every handler finds in its context. */
export interface HttpEnv {
  readonly Variables: { requestId: string };
}

/** What the routes are made from. */
export interface HttpHome {
  readonly ports: ServicePorts;
  readonly deployment: HttpDeployment;
  readonly patience: Patience;
}

/** What the links of this answer begin with. */
export function linksOf(home: HttpHome, c: Context): AnswerLinks {
  const { baseUrl, serverSentEvents } = home.deployment;
  return { baseUrl: baseUrl(c.req.raw, c.env), events: serverSentEvents };
}
