import { mkdirSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { memoryPresent, oomKillCount, type CgroupFiles } from '../../adapters/system.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

/** Files as Linux shows them, in a folder. */
function cgroup(membership: string, files: Readonly<Record<string, string>>): CgroupFiles {
  const folder = tempFolder();
  for (const [name, content] of Object.entries({ membership, ...files })) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  return { membership: join(folder, 'membership'), mount: join(folder, 'mount') };
}

const EVENTS = 'low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n';

describe('memory', () => {
  it('is what the innermost or any outer group allows, whichever is less', async () => {
    const files = cgroup('0::/outer/inner\n', {
      'mount/outer/inner/memory.max': 'max\n',
      'mount/outer/memory.max': '1073741824\n',
    });

    expect(await memoryPresent(files)).toBe(2 ** 30);
  });

  it('is limited by the older kind of group too', async () => {
    const files = cgroup('5:cpu:/x\n4:memory:/job\n0::/\n', {
      'mount/memory/job/memory.limit_in_bytes': '2147483648\n',
      'mount/memory/memory.limit_in_bytes': '9223372036854771712\n',
    });

    expect(await memoryPresent(files)).toBe(2 ** 31);
  });

  it('is limited inside a container that sees only its own group', async () => {
    const files = cgroup('0::/docker/0123\n', { 'mount/memory.max': '536870912\n' });

    expect(await memoryPresent(files)).toBe(2 ** 29);
  });

  it('is that of the machine without a limit', async () => {
    expect(await memoryPresent(cgroup('', {}))).toBe(totalmem());
    expect(await memoryPresent({ membership: '/nowhere', mount: '/nowhere' })).toBe(totalmem());
  });
});

describe('processes killed for lack of memory', () => {
  it.each([
    ['0::/job\n', { 'mount/job/memory.events': EVENTS }],
    ['0::/\n', { 'mount/memory.events': EVENTS }],
    [
      '4:memory:/job\n',
      { 'mount/memory/job/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n' },
    ],
  ])('are counted in %j', async (membership, files) => {
    expect(await oomKillCount(cgroup(membership, files))).toBe(2);
  });

  it('are not known where the kernel does not say', async () => {
    expect(await oomKillCount(cgroup('0::/\n', {}))).toBeNull();
  });
});
