import type { Hook } from '@hono/zod-openapi';
import type { z } from 'zod';
import { HpbError } from '../../core/errors.ts';
import type { HttpEnv } from './deployment.ts';

/** Turns what zod finds into one sentence about the first field that is wrong; never a dump of its findings. */
// oxlint-disable-next-line typescript/no-explicit-any -- the type of the library's default hook
export const invalidRequest: Hook<any, HttpEnv, string, undefined> = (result) => {
  if (result.success) return undefined;
  const issue = result.error.issues[0]!;
  throw new HpbError(
    'REQUEST_INVALID',
    `${placeOf(result.target, issue)}: ${sentenceOf(issue, receivedBy(result))}.`,
    {
      remedy: 'See /docs for what this call takes.',
      details: { field: issue.path.join('.'), problems: result.error.issues.length },
    },
  );
};

/** What was validated; the validator passes it on, though its type does not say so for a failure. */
const receivedBy = (result: object): unknown => Reflect.get(result, 'data');

function placeOf(target: string, issue: z.core.$ZodIssue): string {
  const field = issue.path.join('.');
  if (field === '') return target === 'json' ? 'The body' : `The ${target}`;
  return target === 'query' ? `The query parameter "${field}"` : `The field "${field}"`;
}

function sentenceOf(issue: z.core.$ZodIssue, body: unknown): string {
  if (issue.code === 'unrecognized_keys') return `unknown field ${issue.keys.map(shown).join(', ')}`;
  const received = issue.path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    body,
  );
  const problem = issue.message.replace(/^Invalid (input|option): /, '').replace(/, received .*$/, '');
  return received === undefined ? `${problem}, but it is missing` : `${problem}, received ${shown(received)}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
