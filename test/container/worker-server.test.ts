import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { WORKER_EXIT } from '../../core/errors.ts';
import { caseIdOf, caseInputKey, caseResultKey, shardKey } from '../../core/layout.ts';
import { caseResult } from '../../core/shard.ts';
import { FAKE_HOST } from '../fixtures/fake-host.ts';
import { stillRunning } from '../fixtures/processes.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { JOB, shardOf, smallCt } from './worker-bench.ts';

const MAIN = fileURLToPath(new URL('../../container/main.ts', import.meta.url));

interface Line {
  readonly event: string;
  readonly [field: string]: unknown;
}

interface Served {
  readonly child: ChildProcessWithoutNullStreams;
  readonly lines: Line[];
  readonly ask: (request: unknown) => void;
  /** Waits for the n-th line of an event. */
  readonly line: (event: string, count?: number) => Promise<Line>;
  /** Code of the only case's result. */
  readonly code: () => Promise<string>;
}

const SHARD = ['--shard-key', shardKey(JOB, 1, 1)] as const;

/** The real worker serving over a data root with one CT, its engine played as told. */
async function served(behaviour: string, environment: Record<string, string> = {}): Promise<Served> {
  const folder = tempFolder();
  const store = new FileObjectStore(join(folder, 'objects'));
  await writeNifti(join(folder, 'ct.nii.gz'), smallCt());
  await store.putFile(caseInputKey(JOB, caseIdOf(1)), join(folder, 'ct.nii.gz'));
  await store.put(shardKey(JOB, 1, 1), JSON.stringify(shardOf(1, ['liver'])));
  const python = join(folder, 'venv', 'bin', 'python');
  mkdirSync(dirname(python), { recursive: true });
  writeFileSync(python, `#!/bin/sh\nexec '${process.execPath}' '${FAKE_HOST}' '${behaviour}'\n`);
  chmodSync(python, 0o755);
  const child = spawn(process.execPath, [MAIN, '--serve'], {
    env: {
      PATH: '/usr/bin:/bin',
      HPB_DATA_ROOT: folder,
      HPB_VENV: join(folder, 'venv'),
      HPB_WEIGHTS: 'demo',
      ...environment,
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on('line', (text) => lines.push(JSON.parse(text) as Line));
  return {
    child,
    lines,
    ask: (request) => child.stdin.write(`${JSON.stringify(request)}\n`),
    line: async (event, count = 1) => {
      for (const until = Date.now() + 60_000; ; await sleep(20)) {
        const found = lines.filter((one) => one.event === event);
        if (found.length >= count) return found[count - 1]!;
        if (Date.now() > until) throw new Error(`No ${event}: ${JSON.stringify(lines)}`);
      }
    },
    code: async () => {
      const bytes = await store.get(caseResultKey(JOB, caseIdOf(1)));
      return caseResult.parse(JSON.parse(new TextDecoder().decode(bytes))).error?.code ?? 'ok';
    },
  };
}

const exited = ({ child }: Served): Promise<number | null> =>
  new Promise((resolve) => {
    if (child.exitCode !== null) resolve(child.exitCode);
    else child.once('exit', resolve);
  });

const engines = ({ lines }: Served): number[] =>
  lines.filter(({ event }) => event === 'engine:start').map(({ pid }) => pid as number);

describe('a serving worker', () => {
  it('runs task after task, refuses bad ones, and ends with its owner', async () => {
    const worker = await served('ok');

    worker.ask({ op: 'run', id: 'one', args: SHARD });
    worker.ask({ op: 'run', id: 'two', args: ['--shard-key', 'jobs/none/shard.json'] });
    worker.ask({ op: 'dance' });
    worker.ask({ op: 'run', id: 'three', args: SHARD });
    await worker.line('worker:done', 3);
    worker.child.stdin.end();

    expect(await exited(worker)).toBe(WORKER_EXIT.done);
    expect(worker.lines.filter(({ event }) => event === 'worker:done')).toEqual([
      { event: 'worker:done', id: 'one', exitCode: WORKER_EXIT.done },
      { event: 'worker:done', id: 'two', exitCode: WORKER_EXIT.shardUnreadable },
      { event: 'worker:done', id: 'three', exitCode: WORKER_EXIT.done },
    ]);
    expect(worker.lines.filter(({ event }) => event === 'case:skipped')).toHaveLength(1);
    expect(worker.lines.map(({ event }) => event)).toContain('worker:request-refused');
    expect(await stillRunning(engines(worker))).toEqual([]);
  });

  it('keeps its engine over a cancelled case', async () => {
    const worker = await served('slow');
    worker.ask({ op: 'run', id: 'one', args: SHARD });
    await worker.line('engine:ready');

    worker.ask({ op: 'cancel', id: 'one' });
    const done = await worker.line('worker:done');
    const code = await worker.code();
    worker.ask({ op: 'run', id: 'two', args: SHARD });
    await worker.line('case:start', 2);
    worker.ask({ op: 'cancel', id: 'two' });
    await worker.line('worker:done', 2);

    expect({ done, code }).toEqual({
      done: { event: 'worker:done', id: 'one', exitCode: WORKER_EXIT.interrupted },
      code: 'CANCELLED',
    });
    expect(engines(worker)).toHaveLength(1);
  });

  it('stops its engine after some time without work', async () => {
    const worker = await served('ok', { HPB_ENGINE_IDLE_SECONDS: '1' });

    worker.ask({ op: 'run', id: 'one', args: SHARD });
    await worker.line('worker:done');
    await worker.line('engine:exit');

    expect(worker.child.exitCode).toBeNull();
    expect(await stillRunning(engines(worker))).toEqual([]);
  });

  it('ends its case and its engine when its owner dies', async () => {
    const worker = await served('slow');
    worker.ask({ op: 'run', id: 'one', args: SHARD });
    await worker.line('engine:ready');

    worker.child.stdin.destroy();
    worker.child.stdout.destroy();

    expect(await exited(worker)).not.toBeNull();
    expect(await worker.code()).toBe('INTERRUPTED');
    expect(await stillRunning(engines(worker))).toEqual([]);
  });
});
