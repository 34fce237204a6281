import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runProcess } from '../../adapters/run-process.ts';
import { IMAGE_URI, ROOT } from '../fixtures/stacks.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

/** The command as an operator has it, without credentials, a region or a home. */
async function synth(...args: readonly string[]) {
  const home = tempFolder();
  const out = join(home, 'cdk.out');
  const { exitCode, tail } = await runProcess({
    command: join(ROOT, 'node_modules/.bin/cdk'),
    args: ['synth', '--quiet', '--output', out, '-c', `imageUri=${IMAGE_URI}`, ...args],
    environment: {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
      HOME: home,
      AWS_EC2_METADATA_DISABLED: 'true',
    },
  });
  return { exitCode, said: tail.join('\n'), out };
}

describe('cdk synth', () => {
  it("passes AWS's own validation of templates, without credentials (traps 1, 2, 3, 13)", async () => {
    const { exitCode, said, out } = await synth('-c', 'stage=prod');

    expect({ exitCode, said }).toEqual({
      exitCode: 0,
      said: expect.stringContaining('Successfully synthesized'),
    });
    expect(readdirSync(out)).toEqual(
      expect.arrayContaining(
        ['Data', 'Compute', 'Service'].map((stack) => `Hpb-prod-${stack}.template.json`),
      ),
    );
  });

  it('says in two lines what is wrong with a configuration', async () => {
    const { exitCode, said } = await synth('-c', 'viewerReaders=0.0.0.0/0');

    expect(exitCode).not.toBe(0);
    expect(said).toContain('viewerReaders holds 0.0.0.0/0, which is open to the world');
    expect(said).toContain('docs/reference/deployment-config.md');
    expect(said).not.toContain('    at ');
  });
});
