import { systemClock } from '../adapters/system.ts';
import type { Settings } from '../core/settings.ts';
import { PushedWeights } from '../core/use-cases/pushed-weights.ts';
import { readinessAnswer } from '../adapters/http-app/deployment.ts';
import { runAwsDoctor } from '../local/aws-doctor/run-aws-doctor.ts';
import type { ApiStanding } from '../local/aws-doctor/service-lines.ts';
import type { DoctorReport } from '../local/doctor.ts';
import { resolveEndpoint } from './api/endpoint.ts';

/** What `hpb doctor --aws` looks at, with the standard AWS credentials. */
export interface AwsDoctorArguments {
  readonly stage: string;
  readonly settings: Settings;
  readonly signal: AbortSignal;
}

const ANSWER_MS = 30_000;

/** Looks at a deployment in AWS; see `runAwsDoctor`. */
export async function doctorAws({ stage, settings, signal }: AwsDoctorArguments): Promise<DoctorReport> {
  // Loaded when needed: the SDK would double the time that `hpb --help` takes.
  const [{ AwsAccount }, { S3Client }, { S3ObjectStore }] = await Promise.all([
    import('../adapters/cloud-account.ts'),
    import('@aws-sdk/client-s3'),
    import('../adapters/s3-object-store.ts'),
  ]);
  const region = settings.AWS_REGION;
  const options = region === undefined ? {} : { region };
  return runAwsDoctor({
    stage,
    account: new AwsAccount(options),
    weights: (bucket) => {
      const store = new S3ObjectStore({ client: new S3Client(options), bucket, clock: systemClock });
      return new PushedWeights(store, systemClock).sets();
    },
    askApi: (url) => askApi(url, settings, signal),
  });
}

/** Asks an API whether it is ready, signed where it is one of AWS's. */
export async function askApi(
  apiUrl: string,
  settings: Pick<Settings, 'HPB_ENDPOINT' | 'HPB_PORT' | 'AWS_REGION'>,
  signal: AbortSignal,
): Promise<ApiStanding> {
  const { url, signRegion } = resolveEndpoint({ endpoint: apiUrl }, settings);
  const fetch =
    signRegion === null
      ? globalThis.fetch
      : (await import('./api/signing-fetch.ts')).signingFetch({ region: signRegion });
  const limits = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  const response = await fetch(new Request(`${url}/readinessz`, { signal: limits, redirect: 'manual' }));
  const { status } = response;
  if (status === 401 || status === 403) return { answered: 'refused', status };
  const answer = readinessAnswer.safeParse(await response.json().catch(() => null));
  if (!answer.success) return { answered: 'otherwise', status };
  if (answer.data.ready) return { answered: 'ready' };
  return { answered: 'not ready', errors: answer.data.errors };
}
