import { env } from 'node:process';
import { z } from 'zod';
import { deploymentSchema, type Deployment, type DeploymentName } from '../core/deployment.ts';
import { HpbError } from '../core/errors.ts';
import { parseSettings, type Settings } from '../core/settings.ts';

// oxlint-disable-next-line node/no-process-env -- the one place where functions read it
const environment = env;

/**
 * What the stack has told this function, of the names that it needs.
 *
 * @throws HpbError SETTINGS_INVALID naming the first that is not set.
 */
export function deployed<Name extends DeploymentName>(...names: readonly Name[]): Pick<Deployment, Name> {
  const fields = Object.fromEntries(names.map((name) => [name, deploymentSchema.shape[name]]));
  const parsed = z.object(fields).safeParse(environment);
  if (parsed.success) return parsed.data as unknown as Pick<Deployment, Name>;
  const name = String(parsed.error.issues[0]!.path[0]);
  throw new HpbError('SETTINGS_INVALID', `The function was deployed without ${name}.`, {
    remedy: 'Deploy the service stack again.',
    details: { name },
  });
}

/** The settings of this function. */
export const functionSettings = (): Settings => parseSettings(environment);
