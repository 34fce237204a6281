import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { code, page, table } from './markdown.ts';

const ASL = join(import.meta.dirname, '../../core/workflow.asl.json');

const next = z.object({ Next: z.string() });
const rule = next.extend({
  Variable: z.string().optional(),
  IsPresent: z.boolean().optional(),
  StringEquals: z.string().optional(),
  NumericEquals: z.number().optional(),
  NumericGreaterThan: z.number().optional(),
});
const state = z.object({
  Type: z.string(),
  Comment: z.string().optional(),
  Resource: z.string().optional(),
  Next: z.string().optional(),
  Default: z.string().optional(),
  Choices: z.array(rule).default([]),
  Catch: z.array(next.extend({ ErrorEquals: z.array(z.string()) })).default([]),
  Retry: z
    .array(z.object({ ErrorEquals: z.array(z.string()), MaxAttempts: z.number().optional() }))
    .default([]),
  TimeoutSeconds: z.number().optional(),
  TimeoutSecondsPath: z.string().optional(),
  get ItemProcessor() {
    return machine.optional();
  },
});
type State = z.infer<typeof state>;
const machine = z.object({
  Comment: z.string().optional(),
  StartAt: z.string(),
  States: z.record(z.string(), state),
});

/** A state machine in the Amazon States Language, in the fields that are drawn here. */
export type Machine = z.infer<typeof machine>;

/** docs/reference/workflow.md: the states of core/workflow.asl.json, drawn and listed. */
export function workflowPage(): string {
  const drawn = machine.parse(JSON.parse(readFileSync(ASL, 'utf8')));
  return page(
    'Workflow',
    `${drawn.Comment ?? ''} The file is \`core/workflow.asl.json\`; AWS and the laptop run the same one. An execution is named \`<job>-a<attempt>\`; the names below are those of the console of Step Functions.`,
    '## Graph',
    'Dotted: after an error that no retry mended.',
    workflowGraph(drawn),
    '## States',
    stateTable(drawn),
  );
}

/** A Mermaid graph of a state machine; the states of a map stand in a box of its own. */
export function workflowGraph(drawn: Machine): string {
  const lines = ['```mermaid', 'flowchart TD', ...graphLines(drawn, '  '), '```'];
  return lines.join('\n');
}

function graphLines({ StartAt, States }: Machine, indent: string): readonly string[] {
  const entries = Object.entries(States);
  const start = `${StartAt}_start`;
  return [
    `${indent}${start}(( )) --> ${StartAt}`,
    ...entries.flatMap(([name, one]) => nodeLines(name, one, indent)),
    ...entries.flatMap(([name, one]) => edgeLines(name, one).map((line) => indent + line)),
  ];
}

function nodeLines(name: string, one: State, indent: string): readonly string[] {
  if (one.ItemProcessor !== undefined)
    return [`${indent}subgraph ${name}`, ...graphLines(one.ItemProcessor, `${indent}  `), `${indent}end`];
  const [open, close] = SHAPES[one.Type] ?? ['[', ']'];
  return [`${indent}${name}${open}${name}${close}`];
}

const SHAPES: Readonly<Record<string, readonly [string, string]>> = {
  Choice: ['{', '}'],
  Succeed: ['([', '])'],
  Fail: ['([', '])'],
};

function edgeLines(name: string, { Next, Default, Choices, Catch }: State): readonly string[] {
  return [
    ...Choices.map((choice) => `${name} -- "${condition(choice)}" --> ${choice.Next}`),
    ...(Default === undefined ? [] : [`${name} -- "otherwise" --> ${Default}`]),
    ...(Next === undefined ? [] : [`${name} --> ${Next}`]),
    ...Catch.map((caught) => `${name} -.-> ${caught.Next}`),
  ];
}

/** Such as `route is unpack`. */
function condition({ Variable = '', ...tests }: z.infer<typeof rule>): string {
  const field = Variable.slice(Variable.lastIndexOf('.') + 1);
  if (tests.StringEquals !== undefined) return `${field} is ${tests.StringEquals}`;
  if (tests.NumericGreaterThan !== undefined) return `${field} above ${tests.NumericGreaterThan}`;
  if (tests.NumericEquals !== undefined) return `${field} is ${tests.NumericEquals}`;
  return field;
}

function stateTable(drawn: Machine): string {
  return table(
    ['state', 'kind', 'what it does', 'tries', 'at most'],
    statesOf(drawn).map(([name, one]) => [
      code(name),
      kindOf(one),
      one.Comment ?? '',
      triesOf(one),
      limitOf(one),
    ]),
  );
}

/** All states, those of a map after it. */
function statesOf({ States }: Machine): readonly (readonly [string, State])[] {
  return Object.entries(States).flatMap(([name, one]): readonly (readonly [string, State])[] => [
    [name, one],
    ...(one.ItemProcessor === undefined ? [] : statesOf(one.ItemProcessor)),
  ]);
}

function kindOf({ Type, Resource = '' }: State): string {
  if (Resource.includes('lambda:')) return 'function';
  return Resource.includes('batch:') ? 'worker' : Type.toLowerCase();
}

/** Most tries for any one kind of error. */
function triesOf({ Retry }: State): string {
  if (Retry.length === 0) return '';
  return String(1 + Math.max(...Retry.map(({ MaxAttempts = 3 }) => MaxAttempts)));
}

function limitOf({ TimeoutSeconds, TimeoutSecondsPath }: State): string {
  if (TimeoutSeconds !== undefined) return `${TimeoutSeconds} s`;
  return TimeoutSecondsPath === undefined ? '' : code(TimeoutSecondsPath);
}
