import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { progressDisplay } from '../../cli/progress-display.ts';

const JOB = 'k-6b3295b93dde32f14a3b5c768c246ba69b4d9ea9';

/** What a bar shows first on a terminal so wide, cut where the terminal cuts it. */
function shownOn(columns: number | undefined, name: string): string {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns });
  const display = progressDisplay(stream as unknown as NodeJS.WriteStream, name);
  display.update(0.4, 'segment, 4 of 10 cases');
  display.end();
  const text = String(stream.read());
  const line = text.split(/\p{Cc}(?:[78]|\[[0-9;?]*[A-Za-z])/u).find((part) => part.includes('%'))!;
  return line.slice(0, columns);
}

it.each([80, 100, 200, undefined])('a bar on %s columns shows all of its words', (columns) => {
  expect(shownOn(columns, JOB)).toMatch(/^k-6b.* segment, 4 of 10 cases$/);
});

it('a bar on 40 columns shows what it counts and how far it is', () => {
  expect(shownOn(40, JOB)).toMatch(/^k-6b\S* +\S+ \d+ % +segment/);
});

it('a bar leaves a name whole that there is room for', () => {
  expect(shownOn(80, 'scan-of-monday')).toMatch(/^scan-of-monday /);
  expect(shownOn(200, JOB)).toMatch(new RegExp(`^${JOB} `));
});
