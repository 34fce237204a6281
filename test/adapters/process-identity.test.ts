import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { isAlive, ownIdentity } from '../../adapters/process-identity.ts';

describe('a process', () => {
  it('is alive while it runs', () => {
    expect(isAlive(ownIdentity())).toBe(true);
  });

  it('is not an earlier one with the same id', () => {
    expect(isAlive({ ...ownIdentity(), started: '1' })).toBe(false);
  });

  it('that ended is dead', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');

    expect(isAlive({ pid: child.pid!, started: null })).toBe(false);
  });

  it('that ended but was never collected by its parent is dead', async () => {
    // The shell becomes a `sleep`, which collects nothing, after its child has ended.
    const parent = spawn('/bin/sh', ['-c', 'true & echo $!; exec sleep 60']);
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(line.toString());

      await expect.poll(() => isAlive({ pid, started: null }), { timeout: 5000 }).toBe(false);
    } finally {
      parent.kill('SIGKILL');
    }
  });
});
