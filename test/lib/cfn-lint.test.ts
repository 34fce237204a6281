import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runProcess } from '../../adapters/run-process.ts';
import { emulatorPython } from '../emulators/environment.ts';
import { ROOT, stacksOf } from '../fixtures/stacks.ts';

const REGIONS = ['us-east-1', 'eu-central-1', 'ap-northeast-2'] as const;

/** Deployments that differ, and in which stacks they do. */
const DEPLOYMENTS = [
  [{ stage: 'dev', canaryHours: 24, alarmEmail: 'ops@example.org', budgetUsd: 50 }, /Data|Compute|Service/],
  [
    { stage: 'prod', viewerReaders: '192.0.2.0/24', viewerOrigins: 'https://viewer.example.org' },
    /Data|Compute|Service/,
  ],
  [{ network: 'existing', vpcId: 'vpc-12345678', subnetIds: 'subnet-12345678', spot: false }, /Compute/],
] as const;

const templatesOf = (folder: string, stacks: RegExp): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.template.json') && stacks.test(name))
    .map((name) => join(folder, name));

/** What cfn-lint says of templates, the least of it included. */
async function lint(
  templates: readonly string[],
  regions: readonly string[] = REGIONS,
): Promise<{ readonly exitCode: number | null; readonly said: string }> {
  const { exitCode, tail } = await runProcess({
    command: join(dirname(await emulatorPython(ROOT, process.env)), 'cfn-lint'),
    args: ['--non-zero-exit-code', 'informational', '--regions', ...regions, '--template', ...templates],
    environment: { PATH: '/usr/bin:/bin', HOME: '/nonexistent' },
  });
  return { exitCode, said: tail.join('\n') };
}

describe('cfn-lint', () => {
  it('has nothing to say of any template', async () => {
    const templates = DEPLOYMENTS.flatMap(([properties, stacks]) =>
      templatesOf(stacksOf(properties).app.synth().directory, stacks),
    );

    expect(templates).toHaveLength(3 + 3 + 1);
    expect(await lint(templates)).toEqual({ exitCode: 0, said: '' });
  });

  it('has something to say of a template that AWS would refuse', async () => {
    const { directory } = stacksOf({ stage: 'dev' }).app.synth();
    const file = join(directory, 'Hpb-dev-Compute.template.json');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('"MinvCpus": 0', '"MinvCpus": "few"'));

    const { exitCode, said } = await lint([file], ['us-east-1']);

    expect(exitCode).not.toBe(0);
    expect(said).toContain('few');
  });
});
