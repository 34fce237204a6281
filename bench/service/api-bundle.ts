/**
 * What the API weighs as a Lambda: size of its bundle (everything inside, the SDK too), what of it is loaded at its
 * start, and the time of its cold import, in fresh processes. Imports take turns with a process that only makes a `Response`, which loads what Node
 * itself needs for the web's classes. CPU seconds say more than wall time on a machine that does other things.
 *
 * npm run bench:api-bundle -- [--rounds 5]
 *
 * Exit code 1 above a target: 1.4 MB, 150 ms.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, stdout } from 'node:process';
import { pathToFileURL } from 'node:url';
import { runProcess } from '../../adapters/run-process.ts';
import { HpbError } from '../../core/errors.ts';
import { machineFacts, median } from '../figures.ts';
import { bundleLambdas } from '../../scripts/bundle-lambdas.ts';
import { API_BUNDLE_MOST_BYTES, bundleApi, bytesByOrigin, bytesOf } from './bundle-api.ts';
import { commandOptions } from '../../scripts/command-options.ts';

const MOST_MS = 150;
/** Nothing is called: any names do. */
const DEPLOYED = {
  HPB_JOBS_BUCKET: 'jobs',
  HPB_MODELS_BUCKET: 'models',
  HPB_STATE_MACHINE_ARN: 'arn:aws:states:eu-central-1:000000000000:stateMachine:hpb',
};
const SHOWN_ORIGINS = 8;

/** Milliseconds of one cold import. */
interface ImportTime {
  readonly wall: number;
  readonly cpu: number;
}

const timed = (work: string): string => `
const before = process.cpuUsage();
const start = performance.now();
${work}
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ wall: performance.now() - start, cpu: (user + system) / 1000 }));
`;

async function fresh(work: string): Promise<ImportTime> {
  const run = await runProcess({
    command: process.execPath,
    args: ['--input-type=module', '-e', timed(work)],
    environment: { ...env, AWS_REGION: 'eu-central-1', ...DEPLOYED },
  });
  if (run.exitCode === 0) return JSON.parse(run.stdout) as ImportTime;
  throw new HpbError('UNEXPECTED', `The import failed:\n${run.tail.join('\n')}`, {
    remedy: 'Look at what the bundle does when it is loaded.',
  });
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, { rounds: { type: 'string', default: '5' } });
  const folder = await mkdtemp(`${tmpdir()}/hpb-api-bundle-`);
  try {
    const bundle = await bundleApi();
    await bundleLambdas(folder, true);
    const imported = `await import(${JSON.stringify(pathToFileURL(join(folder, 'api.mjs')).href)});`;
    const [api, node]: [ImportTime[], ImportTime[]] = [[], []];
    for (let round = 0; round < Number(values.rounds); round++) {
      node.push(await fresh('new Response();'));
      api.push(await fresh(imported));
    }
    const wall = median(api.map((one) => one.wall));
    const cpu = median(api.map((one) => one.cpu));
    stdout.write(`${machineFacts()}, load ${loadavg()[0]!.toFixed(1)}, median of ${values.rounds}\n`);
    for (const [origin, bytes] of bytesByOrigin(bundle, bundle.atStart).slice(0, SHOWN_ORIGINS))
      stdout.write(`  ${String(bytes).padStart(8)} B  ${origin}\n`);
    const [size, atStart] = [bytesOf(bundle, bundle.reached), bytesOf(bundle, bundle.atStart)];
    stdout.write(`bundle: ${size} B (target <= ${API_BUNDLE_MOST_BYTES}), at the start ${atStart} B\n`);
    stdout.write(
      `cold import: ${wall.toFixed(0)} ms wall (target <= ${MOST_MS}), ${cpu.toFixed(0)} ms CPU; of that Node's own ` +
        `web classes: ${median(node.map((one) => one.wall)).toFixed(0)} ms wall, ` +
        `${median(node.map((one) => one.cpu)).toFixed(0)} ms CPU\n`,
    );
    process.exitCode = size <= API_BUNDLE_MOST_BYTES && wall <= MOST_MS ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
