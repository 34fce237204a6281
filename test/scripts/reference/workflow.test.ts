import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { workflowGraph, workflowPage } from '../../../scripts/reference/workflow.ts';
import { ROOT } from '../../fixtures/hpb-command.ts';

/** Names of states anywhere in a definition. */
function namesIn(value: unknown): readonly string[] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, field]) => [
    ...(key === 'States' ? Object.keys(field as object) : []),
    ...namesIn(field),
  ]);
}
const definition: unknown = JSON.parse(readFileSync(join(ROOT, 'core/workflow.asl.json'), 'utf8'));
const names = namesIn(definition);

describe('docs/reference/workflow.md', () => {
  const text = workflowPage();
  const [, graph = ''] = /```mermaid\n([^`]*)```/.exec(text) ?? [];

  it('lists every state of the workflow, and draws it', () => {
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) {
      expect(text, name).toContain(`| \`${name}\` |`);
      expect(graph, name).toMatch(new RegExp(`^ *(subgraph )?${name}\\b`, 'm'));
    }
  });

  it('draws only states that there are', () => {
    const targets = [...graph.matchAll(/-->? (\w+)$|-\.-> (\w+)$/gm)].map(([, to, caught]) => to ?? caught);

    expect(targets.length).toBeGreaterThan(names.length);
    expect(targets.filter((name) => !names.includes(name!))).toEqual([]);
  });

  it('tells functions from workers', () => {
    expect(text).toMatch(/\| `PrepareJob` \| function \|/);
    expect(text).toMatch(/\| `RunShard` \| worker \|/);
  });
});

describe('a graph of states', () => {
  it('shows choices by their condition, errors dotted, and a map as a box', () => {
    const graph = workflowGraph({
      StartAt: 'Which',
      States: {
        Which: {
          Type: 'Choice',
          Choices: [{ Variable: '$.a.route', StringEquals: 'unpack', Next: 'Each' }],
          Default: 'Done',
          Catch: [],
          Retry: [],
        },
        Each: {
          Type: 'Map',
          Next: 'Done',
          Choices: [],
          Retry: [],
          Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Done' }],
          ItemProcessor: {
            StartAt: 'Work',
            States: { Work: { Type: 'Task', Choices: [], Catch: [], Retry: [] } },
          },
        },
        Done: { Type: 'Succeed', Choices: [], Catch: [], Retry: [] },
      },
    });

    expect(graph).toContain('Which -- "route is unpack" --> Each');
    expect(graph).toContain('Which -- "otherwise" --> Done');
    expect(graph).toContain('Each -.-> Done');
    expect(graph).toContain('subgraph Each\n    Work_start(( )) --> Work\n    Work[Work]\n  end');
  });
});
