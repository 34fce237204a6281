import type { z } from 'zod';

/** The parts of a JSON Schema that the reference prints. */
export type SchemaNode = z.core.JSONSchema.JSONSchema;

/** Properties of an object schema, name -> node, with `required`. */
export function fieldsOf(node: SchemaNode): readonly { name: string; node: SchemaNode; required: boolean }[] {
  return Object.entries(node.properties ?? {}).map(([name, property]) => ({
    name,
    node: asNode(property),
    required: node.required?.includes(name) ?? false,
  }));
}

/** A type in a few characters: `"a" | "b"`, `integer[]`, `{ x: number }`. */
export function typeText(node: SchemaNode): string {
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum !== undefined) return node.enum.map((value) => JSON.stringify(value)).join(' | ');
  const options = node.anyOf ?? node.oneOf;
  if (options !== undefined) return options.map((option) => typeText(asNode(option))).join(' | ');
  if (node.type === 'array') return `${grouped(typeText(asNode(node.items)))}[]`;
  if (node.type !== 'object') return [node.type ?? 'any'].flat().join(' | ');
  return objectText(node);
}

function objectText(node: SchemaNode): string {
  if (node.properties === undefined) return `{ [name]: ${typeText(asNode(node.additionalProperties))} }`;
  const fields = fieldsOf(node).map(
    ({ name, node: own, required }) => `${name}${required ? '' : '?'}: ${typeText(own)}`,
  );
  return `{ ${fields.join(', ')} }`;
}

const grouped = (text: string): string => (text.includes(' | ') ? `(${text})` : text);

function asNode(node: unknown): SchemaNode {
  return typeof node === 'object' && node !== null && !Array.isArray(node) ? (node as SchemaNode) : {};
}
