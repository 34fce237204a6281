import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ALARMS } from '../../../core/monitoring/alarms.ts';
import { SAVED_QUERIES } from '../../../core/monitoring/queries.ts';

const ROOT = join(import.meta.dirname, '../../..');

describe('docs/runbook.md', () => {
  const text = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8');
  const sections = new Map(
    text
      .split(/^### /m)
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf('\n')), section]),
  );

  it.each(ALARMS)('says of $id what it means, how to look and how to mend', ({ id, what, severity }) => {
    const section = sections.get(id) ?? '';

    for (const part of ['**Means**', '**Look**', '**Mend**', '```sh', what, severity])
      expect(section).toContain(part);
  });

  it('has no section of an alarm that is gone', () => {
    expect([...sections.keys()].filter((id) => !ALARMS.some((alarm) => alarm.id === id))).toEqual([]);
  });

  it('names only saved queries that there are', () => {
    const named = [...text.matchAll(/[Qq]uery _([^_]+)_/g)].map(([, name]) => name);

    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !SAVED_QUERIES.some((query) => query.name === name))).toEqual([]);
  });
});
