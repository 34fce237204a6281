import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../../core/settings.ts';
import { wireService } from '../../../local/service/wire-service.ts';
import { memoryLog } from '../../fixtures/memory-log.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

const packageRoot = join(import.meta.dirname, '../../..');

/** A worker takes up a case below this data root and dies without a word. */
function dieAtWork(dataRoot: string): void {
  const module = new URL('../../../container/scratch.ts', import.meta.url).href;
  const script = `const { openScratch, scratchRoots } = await import(${JSON.stringify(module)});
    const { writeFileSync } = await import('node:fs');
    const scratch = await openScratch(scratchRoots({}, { dataRoot: ${JSON.stringify(dataRoot)} }), console);
    writeFileSync((await scratch.forCase('c0001')).in + '/ct.nii.gz', 'x');
    process.kill(process.pid, 'SIGKILL');`;
  const node = ['--input-type=module', '-e', script];
  expect(() => execFileSync(process.execPath, node, { stdio: 'ignore' })).toThrow();
}

describe('the CT that a worker had in its scratch when it was killed', () => {
  it.each(['clear', 'tidy'] as const)(
    'is gone after the next %s, whether a worker starts or not',
    async (step) => {
      const dataRoot = tempFolder();
      const settings = parseSettings({ HPB_DATA_ROOT: dataRoot, HPB_DEVICE: 'cpu' });
      const options = { settings, packageRoot, environment: {}, log: memoryLog() };
      const service = await wireService(options, () => 'http://127.0.0.1');
      dieAtWork(dataRoot);
      const scratch = (): readonly string[] => readdirSync(join(dataRoot, 'scratch', 'in'));
      expect(scratch()).toHaveLength(1);

      await service[step]();

      expect(scratch()).toEqual([]);
      await service.close();
    },
  );
});
