/**
 * Rehearses the cloud on one machine (`npm run rehearse`; root, Debian 12): builds the image, runs it read-only, and
 * sends a batch through S3 and CloudWatch of MiniStack and Batch of moto, which runs the image through podman.
 * `--keep` leaves the folder with all logs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, getuid } from 'node:process';
import type { Environment } from '../../adapters/run-process.ts';
import { asHpbError } from '../../core/errors.ts';
import { errorText, secondsText, tableText } from '../../local/text.ts';
import { runBatch } from './batch-run.ts';
import { checkBatch, type Finding } from './checks.ts';
import { containersConf, startCloud } from './cloud.ts';
import { checkContainer } from './container-checks.ts';
import { deploy, workerEnvironment } from './deployment.ts';
import { buildImage, ensureBase, ensureContainerTools, imageLayers } from './image.ts';
import { rehearsalError } from './shell.ts';
import { commandOptions } from '../command-options.ts';

const ROOT = join(import.meta.dirname, '../..');

const NOT_COVERED = `Not covered: GPUs and their guards beyond the refusal (no card here); the GPU build of the image;
Step Functions, Lambda, EventBridge and IAM themselves (the ASL runs in aws-local-stepfunctions, its functions in this
process); retries of Batch, spot interruptions, instance storage and pulls from ECR; KMS; CTs and weights of full size.`;

async function rehearse(folder: string, environment: Environment): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const step = async (what: string, work: () => Promise<string>): Promise<void> => {
    const start = performance.now();
    console.log(`… ${what}`);
    const found = await work();
    findings.push({ what, ok: true, found: `${found} (${secondsText((performance.now() - start) / 1000)})` });
  };
  await step('tools for containers', () => ensureContainerTools(environment));
  await step('base image', () => ensureBase(folder, environment));
  await step('image built from container/Dockerfile', () => buildImage(ROOT, environment));
  console.log(tableText([['size', 'layer'], ...(await imageLayers(environment))], [0]));
  console.log('… MiniStack, moto and podman start');
  const cloud = await startCloud(ROOT, folder, environment);
  try {
    console.log('… the image by itself');
    const deployment = await deploy(cloud, folder, join(ROOT, 'container/engine/demo-weights'));
    findings.push(...(await checkContainer(workerEnvironment(cloud), environment)));
    console.log('… a batch of three cases through Batch');
    const run = await runBatch(deployment, folder);
    findings.push(...(await checkBatch(deployment, run, join(folder, 'containers.log'))));
  } finally {
    await cloud.stop();
  }
  return findings;
}

async function main(): Promise<number> {
  const values = commandOptions(import.meta.filename, { keep: { type: 'boolean', default: false } });
  if (getuid?.() !== 0)
    throw rehearsalError('The rehearsal builds and runs containers as root.', 'Run it as root.');
  const folder = mkdtempSync(join(tmpdir(), 'hpb-rehearsal-'));
  // oxlint-disable-next-line node/no-process-env -- the tools get ours
  const environment = { ...env, STORAGE_DRIVER: 'overlay', CONTAINERS_CONF: containersConf(ROOT, folder) };
  try {
    const findings = await rehearse(folder, environment);
    const rows = findings.map(({ what, ok, found }) => [ok ? 'ok' : 'FAILED', what, found]);
    console.log(`\n${tableText([['', 'what', 'found'], ...rows])}\n\n${NOT_COVERED}`);
    return findings.every(({ ok }) => ok) ? 0 : 1;
  } finally {
    if (values.keep) console.log(`Logs are in ${folder}.`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (thrown) {
  console.error(errorText(asHpbError(thrown)));
  process.exitCode = 1;
}
