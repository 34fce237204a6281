import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript';

const HEADING = '/* Written by `npm run client` from docs/reference/openapi.json; do not edit. */\n';

/** The types of an OpenAPI document as `openapi-fetch` takes them: the text of cli/api/schema.d.ts. */
export async function clientTypes(document: string): Promise<string> {
  return HEADING + astToString(await openapiTS(JSON.parse(document) as OpenAPI3));
}
