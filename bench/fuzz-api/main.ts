/**
 * Calls every route of a laptop service, whose engine is the double of the tests, with what its OpenAPI document allows
 * and with what it does not, by Schemathesis, and holds every answer against the document: no 5xx, no status, header,
 * content type or body that it does not name. Ids of real uploads and jobs are among what is sent.
 *
 * npm run fuzz:api -- [--examples 60] [--seed 1]
 *
 * Schemathesis is installed into `.venv-fuzz-api` at the first run. Exit code 1 when an answer is not as documented.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { env } from 'node:process';
import { pythonOf } from '../../test/emulators/python-environment.ts';
import { startService, type ServiceProcess } from '../service/service-process.ts';
import { PACKAGE_ROOT } from '../warm-engine.ts';
import { withRealIds, type Json } from './known-ids.ts';
import { seedService } from './seed-service.ts';
import { commandOptions } from '../../scripts/command-options.ts';

/** Deletes what the other calls are asked about: called last. */
const LAST = 'cancelJob';
/** One call of a form waits for its job. */
const PATIENCE_SECONDS = 60;

/** How Schemathesis is called. */
interface Fuzzing {
  readonly schemathesis: string;
  /** The document, with the ids of `seedService`. */
  readonly document: string;
  readonly url: string;
  readonly options: readonly string[];
}

/** Runs Schemathesis over some calls; its exit code. */
function fuzz({ schemathesis, document, url, options }: Fuzzing, calls: readonly string[]): Promise<number> {
  const config = join(import.meta.dirname, 'schemathesis.toml');
  const args = ['--config-file', config, 'run', document, '--url', url, ...options, ...calls];
  const child = spawn(schemathesis, args, { stdio: 'inherit', cwd: dirname(document) });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

async function fuzzService(service: ServiceProcess, folder: string): Promise<number> {
  const values = commandOptions(import.meta.filename, {
    examples: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
  });
  const python = await pythonOf(
    {
      venv: join(PACKAGE_ROOT, '.venv-fuzz-api'),
      requirements: join(import.meta.dirname, 'requirements.txt'),
      what: 'Schemathesis',
    },
    env,
  );
  const answer = await fetch(`${service.url}/openapi.json`);
  const document = join(folder, 'openapi.json');
  const known = withRealIds((await answer.json()) as Json, await seedService(service));
  await writeFile(document, JSON.stringify(known));
  const fuzzing = {
    schemathesis: join(dirname(python), 'schemathesis'),
    document,
    url: service.url,
    options: [
      `--max-examples=${values.examples}`,
      `--seed=${values.seed}`,
      `--request-timeout=${PATIENCE_SECONDS}`,
      '--continue-on-failure',
      '--warnings=off',
    ],
  };
  const first = await fuzz(fuzzing, ['--exclude-operation-id', LAST]);
  return (await fuzz(fuzzing, ['--include-operation-id', LAST])) || first;
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'hpb-fuzz-api-'));
  try {
    const service = await startService({ dataRoot: join(folder, 'data') });
    try {
      process.exitCode = await fuzzService(service, folder);
    } finally {
      await service.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
