import { existsSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { acquireLease } from '../../adapters/lease-lock.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const BEAT = { beatMs: 20 };

describe('a lease', () => {
  it('is held by one, until it is released', async () => {
    const path = join(tempFolder(), 'locks', 'a.lock');
    const release = await acquireLease(path, BEAT);
    const second = acquireLease(path, BEAT);

    expect(await acquireLease(path, { ...BEAT, waitMs: 100 })).toBeNull();
    await release!();
    const released = await second;
    expect(existsSync(path)).toBe(true);
    await released!();
    expect(existsSync(path)).toBe(false);
  });

  it('stays with a holder that lives longer than the dead are waited for', async () => {
    const path = join(tempFolder(), 'a.lock');
    const release = await acquireLease(path, BEAT);
    onTestFinished(async () => release!());
    const before = statSync(path).mtimeMs;

    expect(await acquireLease(path, { ...BEAT, waitMs: 400 })).toBeNull();
    expect(statSync(path).mtimeMs).toBeGreaterThan(before);
  });

  it('of one that died is taken over', async () => {
    const path = join(tempFolder(), 'a.lock');
    writeFileSync(path, '');
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(path, longAgo, longAgo);

    const release = await acquireLease(path, { beatMs: 100, waitMs: 2_000 });
    expect(release).not.toBeNull();
    await release!();
  });

  it('goes to one at a time, however many want it', async () => {
    const path = join(tempFolder(), 'a.lock');
    let holders = 0;
    const most: number[] = [];
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        const release = await acquireLease(path, BEAT);
        most.push(++holders);
        await sleep(10);
        holders -= 1;
        await release!();
      }),
    );

    expect(most).toEqual([1, 1, 1, 1, 1, 1]);
  });
});
