import { z } from 'zod';
import {
  ENGINE_STAGES,
  engineCall,
  engineReply,
  engineRequest,
  helloResult,
  openResult,
  runResult,
} from '../../core/engine-protocol.ts';
import { fieldsOf, typeText, type SchemaNode } from './json-schema.ts';
import { code, page, table } from './markdown.ts';

/** docs/reference/engine-protocol.md: the lines between worker and engine host. */
export function engineProtocolPage(): string {
  return page(
    'Engine protocol',
    'The worker and the Python engine host exchange one JSON document a line: requests on the stdin of the host, ' +
      'replies on the descriptor that was its stdout at start. The host answers a request with any number of ' +
      '`progress` lines and exactly one `done` or `error` line with the same `id`. The meaning of each field ' +
      'stands beside it in core/engine-protocol.ts.',
    `Stages, in order: ${ENGINE_STAGES.map(code).join(' ')}.`,
    '## Requests',
    ...variants(engineRequest.options, 'op'),
    '## Engine calls',
    'The `call` of a `run` request.',
    ...variants(engineCall.options, 'engine'),
    '## Replies',
    ...variants(engineReply.options, 'event'),
    '## Results',
    'The `result` of a `done` reply.',
    ...Object.entries({ hello: helloResult, open: openResult, run: runResult }).flatMap(([op, schema]) => [
      `### result of ${code(op)}`,
      fieldTable(jsonSchema(schema)),
    ]),
  );
}

function jsonSchema(schema: z.ZodType): SchemaNode {
  return z.toJSONSchema(schema, { unrepresentable: 'any' });
}

/** One section per variant of a union, headed by the value of its tag. */
function variants(options: readonly z.ZodType[], tag: string): string[] {
  return options.flatMap((option) => {
    const schema = jsonSchema(option);
    const value = fieldsOf(schema).find(({ name }) => name === tag)!;
    return [`### ${code(`${tag}: ${typeText(value.node)}`)}`, fieldTable(schema, tag)];
  });
}

function fieldTable(schema: SchemaNode, tag?: string): string {
  const fields = fieldsOf(schema).filter(({ name }) => name !== tag);
  return table(
    ['field', 'type'],
    fields.map(({ name, node }) => [code(name), code(typeText(node))]),
  );
}
