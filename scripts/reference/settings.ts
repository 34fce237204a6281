import { z } from 'zod';
import { parseSettings, settingsSchema } from '../../core/settings.ts';
import { fieldsOf, typeText, type SchemaNode } from './json-schema.ts';
import { code, page, table } from './markdown.ts';

/** docs/reference/settings.md: every environment variable, from `settingsSchema`. */
export function settingsPage(): string {
  const schema = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' });
  const defaults: Readonly<Record<string, string | number | boolean | undefined>> = parseSettings({});
  return page(
    'Settings',
    'Environment variables. An empty value counts as unset; a wrong one ends the command with SETTINGS_INVALID.',
    table(
      ['variable', 'values', 'default', 'meaning'],
      fieldsOf(schema).map(({ name, node }) => [
        code(name),
        valuesOf(node),
        name in defaults ? code(String(defaults[name])) : 'see meaning',
        node.description ?? '',
      ]),
    ),
  );
}

function valuesOf(node: SchemaNode): string {
  if (node.pattern !== undefined) return 'see meaning';
  if (node.enum !== undefined) return node.enum.map((value) => code(String(value))).join(' ');
  return node.type === undefined ? 'whole number' : typeText(node).replace('string', 'text');
}
