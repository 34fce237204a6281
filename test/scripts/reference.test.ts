import { Argument, Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ERROR_CODES } from '../../core/errors.ts';
import { settingsSchema } from '../../core/settings.ts';
import { cliPage } from '../../scripts/reference/cli.ts';
import { errorCodesPage } from '../../scripts/reference/error-codes.ts';
import { typeText } from '../../scripts/reference/json-schema.ts';
import { modelsPage } from '../../scripts/reference/models.ts';
import { settingsPage } from '../../scripts/reference/settings.ts';

/** Cells of the row whose first cell is `first`. */
function row(text: string, first: string): string[] {
  const line = text.split('\n').find((own) => own.startsWith(`| ${first} |`));
  return (line ?? '')
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

describe('the generated reference', () => {
  it('explains every setting, with the default that parsing fills in', () => {
    const text = settingsPage();

    for (const name of Object.keys(settingsSchema.shape)) {
      expect(row(text, `\`${name}\``)[3], name).toMatch(/\w+ \w+/);
    }
    expect(row(text, '`HPB_KEEP_INTERMEDIATE`')[2]).toBe('`false`');
    expect(row(text, '`HPB_MODEL_TIMEOUT_SECONDS`')[2]).toBe('`1800`');
    expect(row(text, '`HPB_WEIGHTS`')[1]).toBe('`auto` `real` `demo`');
  });

  it('lists every error code with its status and exit code', () => {
    const text = errorCodesPage();

    for (const [name, { status, exit }] of Object.entries(ERROR_CODES)) {
      expect(row(text, `\`${name}\``).slice(3)).toEqual([String(status), String(exit)]);
    }
    expect(row(text, '11')[1]).toBe('`DISK_FULL`');
  });

  it('says which weights a model needs and that task008 is not for commercial use', () => {
    const text = modelsPage();

    expect(row(text, '`liver`').slice(3, 5)).toEqual(['`ts291` `ts298`', '`ts297` `ts298`']);
    expect(row(text, '`task008`').at(-1)).toBe('no');
  });

  it('lists commands, subcommands, arguments and options of a program', () => {
    const program = new Command('tool').description('Does things.');
    program
      .command('run')
      .description('Runs.')
      .addArgument(new Argument('<file...>', 'what to run').choices(['a', 'b']))
      .option('--fast', 'quickly')
      .addOption(new Option('--out <folder>', 'where to').default('results'))
      .addOption(new Option('--secret').hideHelp());
    program.command('models').command('list').description('Lists them.');

    const text = cliPage(program);

    expect(text).toContain('## tool run\n\nRuns.\n\n`tool run [options] <file...>`');
    expect(row(text, '`file`')[1]).toBe('what to run (`a`, `b`)');
    expect(row(text, '`--out <folder>`')).toEqual(['`--out <folder>`', '`results`', 'where to']);
    expect(text).toContain('## tool models list\n\nLists them.');
    expect(text).not.toContain('--secret');
  });

  it('prints types as one would write them', () => {
    const schema = z.object({
      a: z.array(z.enum(['x', 'y'])),
      b: z.int().nullable().optional(),
      c: z.literal(1),
    });

    expect(typeText(z.toJSONSchema(schema))).toBe('{ a: ("x" | "y")[], b?: integer | null, c: 1 }');
    expect(typeText(z.toJSONSchema(z.record(z.string(), z.boolean())))).toBe('{ [name]: boolean }');
  });
});
