import { join } from 'node:path';
import { FileLinkServer } from '../../adapters/file-link-server.ts';
import { FileSignedLinks } from '../../adapters/file-signed-links.ts';
import { createHttpApp } from '../../adapters/http-app/app.ts';
import { machinePaths } from '../../adapters/machine-paths.ts';
import { asHpbError } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import type { Settings } from '../../core/settings.ts';
import { extendDeadlines } from '../../core/use-cases/extend-deadlines.ts';
import { purgeExpired } from '../../core/use-cases/purge-expired.ts';
import { purgeLeftOvers } from '../../core/use-cases/purge-leftovers.ts';
import { resumeJobs } from '../../core/use-cases/resume-jobs.ts';
import type { ServicePorts } from '../../core/use-cases/service-ports.ts';
import { AliveMark } from './alive-mark.ts';
import { dataRootError, lockDataRoot } from './data-root-lock.ts';
import { isHostOf, isLoopbackHost } from './host-check.ts';
import { IngestFolder } from './ingest-folder.ts';
import { ingestFile } from './ingest-sink.ts';
import { listen } from './listen.ts';
import { pageFiles } from './page-files.ts';
import { readinessFacts, versionFacts } from './service-facts.ts';
import { wireService, type WiredService } from './wire-service.ts';

/** What the service of this machine is started with. */
export interface LaptopServiceOptions {
  readonly settings: Settings;
  readonly packageRoot: string;
  /** Of this process; see `wireWorker` for what of it reaches the engine. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

/** The running service. */
export interface LaptopService {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  readonly ports: ServicePorts;
  /** Folder whose files become jobs. */
  readonly ingestFolder: string;
  /** Stops taking work and ends what runs; jobs that are not done go on at the next start. */
  readonly close: () => Promise<void>;
}

const INGEST_EVERY_MS = 1000;
const TIDY_EVERY_MS = 60_000;
const WORTH_MAKING_UP_MS = 60_000;
const DAY_MS = 86_400_000;
const CLOSE_GRACE_MS = 2000;

/**
 * Starts the service on 127.0.0.1: the API, the workflow and the workers, all that runs in the cloud, over adapters
 * of this machine. Jobs that an earlier process left behind go on.
 *
 * @throws HpbError DATA_ROOT_LOCKED, SETTINGS_INVALID (the port), OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function startLaptopService(options: LaptopServiceOptions): Promise<LaptopService> {
  const { settings, packageRoot } = options;
  const { dataRoot } = machinePaths(settings, packageRoot);
  const unlock = await lockDataRoot(dataRoot);
  const opened: (() => Promise<void>)[] = [unlock];
  const close = async (): Promise<void> => {
    for (const end of opened.splice(0).reverse()) await end();
  };
  try {
    const address = { port: settings.HPB_PORT };
    const baseUrl = (): string => `http://127.0.0.1:${address.port}`;
    const service = await wireService(options, baseUrl);
    opened.push(service.close);
    // Before anybody can send anything.
    await service.clear();
    const listening = await serve(options, service, { address, baseUrl });
    opened.push(() => listening.close(CLOSE_GRACE_MS));
    await service.recover().catch((thrown: unknown) => leftToTidying(thrown, options.log));
    const alive = new AliveMark(join(dataRoot, 'alive'));
    await makeUpFor(0, alive, service.ports).catch((thrown: unknown) => leftToTidying(thrown, options.log));
    await resumeJobs(service.ports);
    const folder = join(dataRoot, 'ingest');
    const ingest = new IngestFolder({
      folder,
      rejected: join(dataRoot, 'ingest-rejected'),
      take: (file) => ingestFile(service.ports, file, join(dataRoot, 'scratch', 'intake')),
      isFinal: ({ blame, retryable }) => blame === 'caller' && !retryable,
      log: options.log,
    });
    await ingest.start(INGEST_EVERY_MS);
    opened.push(() => ingest.stop());
    opened.push(tidying(options, service, alive));
    return { url: baseUrl(), ports: service.ports, ingestFolder: folder, close };
  } catch (thrown) {
    await close();
    throw dataRootError(dataRoot, thrown);
  }
}

async function serve(
  { settings, packageRoot }: LaptopServiceOptions,
  { ports, linkOptions, serviceVersion }: WiredService,
  { address, baseUrl }: { readonly address: { port: number }; readonly baseUrl: () => string },
): ReturnType<typeof listen> {
  const facts = { settings, packageRoot, serviceVersion };
  const page = pageFiles(packageRoot);
  const appAt = (url: () => string, allowedHosts: (host: string) => boolean) =>
    createHttpApp(
      { ...ports, links: new FileSignedLinks(linkOptions, url) },
      {
        version: () => versionFacts(facts),
        readiness: () => readinessFacts(facts),
        loadForms: async () => (await import('../../adapters/http-app/form-routes.ts')).segmentForm,
        loadJpegOfPng: async () => (await import('../../adapters/viewer-thumbnail.ts')).jpegOfPng,
        serverSentEvents: true,
        allowedHosts,
        baseUrl: url,
        objects: new FileLinkServer(linkOptions),
        page,
      },
    );
  const app = appAt(baseUrl, (host) => isLoopbackHost(host, address.port));
  const { HPB_PUBLIC_URL: publicUrl } = settings;
  // Each caller gets links that lead where the caller came from: those of a proxy are of no use on this machine.
  const offered = publicUrl === undefined ? null : appAt(() => publicUrl, isHostOf(publicUrl));
  const appOf = (request: Request): typeof app =>
    offered !== null && isHostOf(publicUrl!)(request.headers.get('host') ?? '') ? offered : app;
  const listening = await listen((request) => appOf(request).fetch(request), settings.HPB_PORT);
  address.port = listening.port;
  return listening;
}

/** On a full disk the service can still be asked, and jobs be deleted, which makes room for those that were running. */
function leftToTidying(thrown: unknown, log: Log): void {
  const { code } = asHpbError(thrown);
  if (code !== 'DISK_FULL') throw thrown;
  log.warn('service:tidy-failed', { code });
}

/**
 * Jobs get back what of their time the machine was off or asleep: nothing was heard of the service for longer than the
 * `usualMs` between two looks.
 */
async function makeUpFor(usualMs: number, alive: AliveMark, ports: ServicePorts): Promise<void> {
  const lostMs = (await alive.silenceMs()) - usualMs;
  if (lostMs > WORTH_MAKING_UP_MS) {
    const jobs = await extendDeadlines(ports, lostMs);
    ports.log.info('service:woke', { seconds: Math.round(lostMs / 1000), jobs });
  }
  await alive.touch();
}

/** Deadlines and retention are looked after while the service runs; returns what ends that. */
function tidying(
  { settings, log }: LaptopServiceOptions,
  { ports, recover, tidy }: WiredService,
  alive: AliveMark,
): () => Promise<void> {
  const { HPB_RETENTION_DAYS: days } = settings;
  const steps: readonly (() => Promise<unknown>)[] = [
    () => makeUpFor(TIDY_EVERY_MS, alive, ports),
    recover,
    () => resumeJobs(ports),
    tidy,
    () => purgeLeftOvers(ports),
    ...(days === undefined ? [] : [() => purgeExpired(ports, { olderThanMs: days * DAY_MS })]),
    // It was at work all the time, however long that took.
    () => alive.touch(),
  ];
  let round: Promise<unknown> = Promise.resolve();
  const look = async (): Promise<void> => {
    // What goes wrong with one keeps none of the others from being done.
    for (const step of steps)
      await step().catch((thrown: unknown) =>
        log.warn('service:tidy-failed', { code: asHpbError(thrown).code }),
      );
  };
  const timer = setInterval(() => {
    round = round.then(look);
  }, TIDY_EVERY_MS);
  return async () => {
    clearInterval(timer);
    await round;
  };
}
