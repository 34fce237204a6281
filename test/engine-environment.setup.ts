import { fileURLToPath } from 'node:url';
import { parseSettings } from '../core/settings.ts';
import { ensureEngineEnvironment } from '../local/engine-environment/ensure-engine-environment.ts';
import { stepPrinter } from '../local/engine-environment/step-printer.ts';

/** Before any test: the engine environment, which tests of the real engines and comparisons with numpy need. */
export async function setup(): Promise<void> {
  await ensureEngineEnvironment({
    settings: parseSettings(process.env),
    packageRoot: fileURLToPath(new URL('..', import.meta.url)),
    environment: process.env,
    onStep: stepPrinter(process.stderr),
  });
}
