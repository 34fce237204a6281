import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { scalePage, type ScaleRecord } from '../../../bench/scale/capacity.ts';

const DOCS = join(import.meta.dirname, '../../../docs');

it('the page about scale says what the recorded run says', () => {
  const record = JSON.parse(readFileSync(join(DOCS, 'scale.json'), 'utf8')) as ScaleRecord;

  expect(readFileSync(join(DOCS, 'scale.md'), 'utf8')).toBe(scalePage(record));
});
