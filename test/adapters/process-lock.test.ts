import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { acquireProcessLock, lockHolder } from '../../adapters/process-lock.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const DEAD = JSON.stringify({ pid: 2 ** 22 + 1, started: '1' });

describe('a lock between processes', () => {
  it('of a dead process goes to one of those that want it at a time', async () => {
    for (let round = 0; round < 20; round++) {
      const path = join(tempFolder(), 'some.lock');
      writeFileSync(path, DEAD);
      let holders = 0;
      let most = 0;

      await Promise.all(
        Array.from({ length: 8 }, async () => {
          const release = await acquireProcessLock(path, { pollMs: 1 });
          most = Math.max(most, ++holders);
          await sleep(1);
          holders -= 1;
          await release();
        }),
      );

      expect(most).toBe(1);
      expect(readdirSync(dirname(path))).toEqual([]);
    }
  });

  it('is taken though another died while it took over', async () => {
    const path = join(tempFolder(), 'some.lock');
    writeFileSync(path, DEAD);
    writeFileSync(`${path}.taking`, DEAD);

    const release = await acquireProcessLock(path);

    expect(await lockHolder(path)).toBe(process.pid);
    await release();
    expect(existsSync(path)).toBe(false);
  });

  it('has no holder when that is dead, or the file names nobody', async () => {
    const path = join(tempFolder(), 'some.lock');
    expect(await lockHolder(path)).toBeNull();
    writeFileSync(path, DEAD);
    expect(await lockHolder(path)).toBeNull();
    writeFileSync(path, 'nonsense');
    expect(await lockHolder(path)).toBeNull();
  });
});
