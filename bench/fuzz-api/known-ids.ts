import type { RealIds } from './seed-service.ts';

/** A value as JSON has it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
interface JsonObject {
  readonly [name: string]: Json;
}

/**
 * An OpenAPI document whose path parameters of the names of `ids`, and whose property `uploadId`, may also be one of
 * those: a fuzzer that knows none meets nothing but 404.
 */
export function withRealIds(document: Json, ids: RealIds): Json {
  if (Array.isArray(document)) return document.map((item: Json) => withRealIds(item, ids));
  if (!isObject(document)) return document;
  const changed: JsonObject = Object.fromEntries(
    Object.entries(document).map(([key, value]) => [key, withRealIds(value, ids)]),
  );
  const { name, schema, properties } = changed;
  if (changed['in'] === 'path' && schema !== undefined)
    return { ...changed, schema: widened(schema, ids[name as keyof RealIds]) };
  if (!isObject(properties) || !isObject(properties['uploadId'])) return changed;
  const uploadId = widened(properties['uploadId'], ids.uploadId);
  return { ...changed, properties: { ...properties, uploadId } };
}

function widened(schema: Json, known: readonly string[] | undefined): Json {
  return known === undefined ? schema : { anyOf: [{ type: 'string', enum: known }, schema] };
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
