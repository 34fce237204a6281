import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resourcesOf, ROOT, stacksOf } from '../fixtures/stacks.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Row {
  readonly trap: number;
  readonly file: string;
  readonly title: string;
}

/** The rows of docs/aws-traps.md with the check that each names. */
const ROWS: readonly Row[] = read('docs/aws-traps.md')
  .split('\n')
  .flatMap((line) => {
    const [, trap, file, title] = /^\| (\d+) .*\| `([^`]+)` "([^"]+)" *\|$/.exec(line) ?? [];
    return trap === undefined ? [] : [{ trap: Number(trap), file: file!, title: title! }];
  });

describe('the traps of AWS', () => {
  it('are listed, each with its check', () => {
    expect(ROWS.map(({ trap }) => trap)).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
  });

  it.each(ROWS)('trap $trap is looked at by $file', ({ file, title }) => {
    expect(existsSync(join(ROOT, file))).toBe(true);
    expect(read(file)).toContain(title);
  });

  it('pins the command of the CDK below the stray version 3', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as {
      devDependencies: Record<string, string>;
    };
    const installed = JSON.parse(read('node_modules/aws-cdk/package.json')) as { version: string };

    expect(devDependencies['aws-cdk']).toMatch(/^2\.\d+\.\d+$/);
    expect(installed.version).toBe(devDependencies['aws-cdk']);
  });

  it('lets the workflow read the plan under our key', () => {
    const { service } = stacksOf();
    const policies = Object.entries(resourcesOf(service, 'AWS::IAM::ManagedPolicy'))
      .filter(([id]) => id.startsWith('Workflow'))
      .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
    const actions: readonly string[] = policies
      .filter(({ Resource }) => JSON.stringify(Resource).includes('FnGetAttKey'))
      .flatMap(({ Action }: { Action: string | string[] }) => Action);

    expect(actions).toContain('kms:Decrypt');
  });
});
