import { join } from 'node:path';
import { StoreBundler } from '../../adapters/store-bundler.ts';
import { StoreJobIndex } from '../../adapters/store-job-index.ts';
import { UploadIntake } from '../../adapters/intake/upload-intake.ts';
import { modelsManifestKey } from '../../core/layout.ts';
import type { ObjectStore, SignedLinks } from '../../core/ports.ts';
import type { PushedWeights } from '../../core/use-cases/pushed-weights.ts';
import type { StartingPorts } from '../../lambdas/wire.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { serviceFakes, type ServiceFakes } from './service-fakes.ts';

/** What a function has asked of AWS: action, and the object or bucket that it was asked of. */
export interface AskedRight {
  readonly action: string;
  /** `jobs:<key>` of an object, `jobs` of a bucket; empty where it is neither. */
  readonly of: string;
}

/** Ports in memory, and the rights that whoever uses them would need in AWS, as the adapters of AWS would. */
export interface AskedPorts {
  readonly ports: StartingPorts & { readonly bundler: StoreBundler };
  readonly asked: readonly AskedRight[];
  /** The same without being noted: for what others do. */
  readonly others: ServiceFakes & Pick<StartingPorts, 'index' | 'intake'>;
}

type Ask = (action: string, of?: string) => void;

/** Makes them, with a limit of costs; `tellingFails`: nobody can be told of the end of a job. */
export function askedPorts({ tellingFails = false } = {}): AskedPorts {
  const fakes = serviceFakes({ maxJobCostUsd: 0.3 });
  const asked: AskedRight[] = [];
  const ask: Ask = (action, of = '') => void asked.push({ action, of });
  const [store, clock] = [askedStore(fakes.store, ask), fakes.clock];
  const over = (one: ObjectStore) => ({
    index: new StoreJobIndex(one, clock),
    intake: new UploadIntake({ store: one, scratch: join(tempFolder(), 'intake') }),
  });
  const weights = weightsAsked(ask);
  const { executions } = fakes;
  const ports = {
    ...fakes,
    ...over(store),
    store,
    bundler: new StoreBundler(store),
    links: askedLinks(fakes.links, ask),
    weights,
    workersLinger: true,
    hasViewer: true,
    admission: async ({ work }) => {
      if (work !== undefined) await weights.require(work.models, work.options);
    },
    executions: {
      start: (name, input) => (ask('states:StartExecution'), executions.start(name, input)),
      describe: (name) => (ask('states:DescribeExecution'), executions.describe(name)),
      stop: (name) => {
        for (const action of ['DescribeExecution', 'StopExecution']) ask(`states:${action}`);
        return executions.stop(name);
      },
    },
    jobs: {
      queuePosition: async () => {
        for (const action of ['ListJobs', 'GetJobQueueSnapshot']) ask(`batch:${action}`);
        return 0;
      },
      logTail: async () => {
        for (const action of ['batch:ListJobs', 'batch:DescribeJobs', 'logs:GetLogEvents']) ask(action);
        return [];
      },
    },
    metrics: { put: async (samples) => (ask('cloudwatch:PutMetricData'), fakes.metrics.put(samples)) },
    onFinished: async (job) => {
      ask('events:PutEvents');
      if (tellingFails) throw new Error('nobody hears');
      await fakes.onFinished!(job);
    },
    eraseVersions: async (prefix) => {
      ask('s3:ListBucketVersions', 'jobs');
      ask('s3:DeleteObjectVersion', `jobs:${prefix}any`);
      return 0;
    },
  } satisfies AskedPorts['ports'];
  return { ports, asked, others: { ...fakes, ...over(fakes.store) } as unknown as AskedPorts['others'] };
}

const bucketOf = (key: string): string => (/^ingest(-rejected)?\//.test(key) ? 'ingest' : 'jobs');
const object = (key: string): string => `${bucketOf(key)}:${key}`;

/** A store that notes the rights that every call needs. */
export function askedStore(real: ObjectStore, ask: Ask): ObjectStore {
  const read = async (key: string): Promise<string> => {
    ask('s3:GetObject', object(key));
    // Who may not list is refused what is missing instead of being told so.
    if ((await real.head(key)) === null) ask('s3:ListBucket', bucketOf(key));
    return key;
  };
  const write = (key: string): string => (ask('s3:PutObject', object(key)), key);
  const writeParts = (key: string): string => (ask('s3:AbortMultipartUpload', object(key)), write(key));
  const list = (prefix: string): string => (ask('s3:ListBucket', bucketOf(prefix)), prefix);
  const remove = (key: string): string => (ask('s3:DeleteObject', object(key)), key);
  return {
    put: (key, body, condition) => real.put(write(key), body, condition),
    putFile: (key, path, how) => real.putFile(writeParts(key), path, how),
    putStream: (key, chunks, condition) => real.putStream(writeParts(key), chunks, condition),
    get: async (key) => real.get(await read(key)),
    read: async (key) => real.read(await read(key)),
    stream: async (key, range) => real.stream(await read(key), range),
    getFile: async (key, ...rest) => real.getFile(await read(key), ...rest),
    head: async (key) => real.head(await read(key)),
    list: (prefix, page) => real.list(list(prefix), page),
    remove: (key) => real.remove(remove(key)),
    copy: async (from, to) => {
      ask('s3:GetObjectTagging', object(from));
      ask('s3:PutObjectTagging', object(to));
      return real.copy(await read(from), writeParts(to));
    },
    removeAll: async (prefix) => {
      for (const { key } of await real.list(list(prefix))) remove(key);
      return real.removeAll(prefix);
    },
  };
}

function askedLinks(real: SignedLinks, ask: Ask): SignedLinks {
  const of = (action: string, key: string): string => (ask(`s3:${action}`, object(key)), key);
  return {
    signPut: (key, how) => real.signPut(of('PutObject', key), how),
    signGet: (key, how) => real.signGet(of('GetObject', key), how),
    startMultipart: (key, how) => real.startMultipart(of('PutObject', key), how),
    signPart: (key, id, how) => real.signPart(of('PutObject', key), id, how),
    listParts: (key, id) => real.listParts(of('ListMultipartUploadParts', key), id),
    completeMultipart: (key, id, parts) => {
      of('GetObject', key);
      return real.completeMultipart(of('PutObject', key), id, parts);
    },
    abortMultipart: (key, id) => real.abortMultipart(of('AbortMultipartUpload', key), id),
  };
}

/** Weights of which every set is there. */
function weightsAsked(ask: Ask): PushedWeights {
  const sets = async () => {
    ask('s3:GetObject', `models:${modelsManifestKey()}`);
    ask('s3:ListBucket', 'models');
    return { kind: 'real', sets: new Map([['task008', []]]) };
  };
  return { sets, require: async () => void (await sets()) } as unknown as PushedWeights;
}
