import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { helpOf } from '../../scripts/command-options.ts';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Commands of package.json that take their options by `commandOptions`. */
const commands = Object.entries(packageJson.scripts).flatMap(([name, command]) => {
  const [, file] = /node (\S+\.ts)$/.exec(command) ?? [];
  const source = file === undefined ? '' : readFileSync(join(ROOT, file), 'utf8');
  return source.includes('commandOptions(') ? [{ name, file: file!, source }] : [];
});

it('are there', () => expect(commands.length).toBeGreaterThan(15));

it.each(commands)('npm run $name has a help that shows how it is called', ({ name, source }) => {
  expect(helpOf(source)).toContain(`npm run ${name}`);
});

it('print their help, or what they do not take above it', async () => {
  const file = join(ROOT, commands.find(({ name }) => name === 'parity')!.file);

  const help = await run(process.execPath, [file, '--help']);
  const wrong = await run(process.execPath, [file, '--rwos', 'liver']).catch((error: unknown) => error);

  expect(help.stdout).toContain('The parity table');
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect((wrong as { stderr: string }).stderr).toMatch(/^Unknown option '--rwos'[\s\S]*The parity table/);
});
