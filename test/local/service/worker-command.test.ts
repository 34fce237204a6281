import { join } from 'node:path';
import { expect, it } from 'vitest';
import { workerCommand } from '../../../local/service/worker-command.ts';
import { parseSettings } from '../../../core/settings.ts';
import { memoryLog } from '../../fixtures/memory-log.ts';

it('a worker gets the settings, what of our environment it needs, and a bound on the arenas of its threads', () => {
  const environment = { HPB_DATA_ROOT: '/data', PATH: '/usr/bin', AWS_SECRET_ACCESS_KEY: 'secret' };
  const packageRoot = join(import.meta.dirname, '../../..');
  const settings = parseSettings(environment);

  const started = workerCommand({ settings, packageRoot, environment, log: memoryLog() });

  expect(started.environment).toMatchObject({
    HPB_DATA_ROOT: '/data',
    PATH: '/usr/bin',
    MALLOC_ARENA_MAX: '2',
  });
  expect(JSON.stringify(started)).not.toContain('secret');
});
