import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { WORKER_EXIT } from '../../core/errors.ts';
import { caseIdOf, caseInputKey, caseResultKey, shardKey } from '../../core/layout.ts';
import { caseResult } from '../../core/shard.ts';
import { fakeVenv } from '../fixtures/fake-host.ts';
import { stillRunning } from '../fixtures/processes.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { JOB, shardOf, smallCt } from './worker-bench.ts';

const MAIN = fileURLToPath(new URL('../../container/main.ts', import.meta.url));

interface LogLine {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** A data root with CTs and a shard of them, and an engine environment whose Python plays a host. */
async function machine(cases: number, behaviour: string) {
  const folder = tempFolder();
  const store = new FileObjectStore(join(folder, 'objects'));
  for (let at = 1; at <= cases; at++) {
    await writeNifti(join(folder, 'ct.nii.gz'), smallCt(at));
    await store.putFile(caseInputKey(JOB, caseIdOf(at)), join(folder, 'ct.nii.gz'));
  }
  const key = shardKey(JOB, 1, 1);
  await store.put(key, JSON.stringify(shardOf(cases, ['liver'])));
  fakeVenv(folder, behaviour);
  const codes = async (): Promise<(string | null)[]> =>
    Promise.all(
      shardOf(cases).cases.map(async ({ caseId }) => {
        const name = caseResultKey(JOB, caseId);
        if ((await store.head(name)) === null) return null;
        const { error } = caseResult.parse(JSON.parse(new TextDecoder().decode(await store.get(name))));
        return error?.code ?? 'ok';
      }),
    );
  return { folder, key, codes };
}

/** Runs the worker process; `onLine` sees its log as it comes. */
function worker(
  { folder }: { folder: string },
  args: readonly string[],
  onLine: (line: LogLine, kill: (signal: NodeJS.Signals) => void) => void = () => undefined,
): Promise<{ exit: number | null; lines: LogLine[] }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: {
      PATH: '/usr/bin:/bin',
      HPB_DATA_ROOT: folder,
      HPB_VENV: join(folder, 'venv'),
      HPB_WEIGHTS: 'demo',
      HPB_LOG_LEVEL: 'debug',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: LogLine[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop()!;
    for (const part of parts) {
      const line = JSON.parse(part) as LogLine;
      lines.push(line);
      onLine(line, (signal) => child.kill(signal));
    }
  });
  return new Promise((resolve) => child.on('close', (exit) => resolve({ exit, lines })));
}

const enginesLeft = (lines: readonly LogLine[]): Promise<readonly number[]> =>
  stillRunning(lines.filter(({ event }) => event === 'engine:start').map(({ pid }) => pid as number));

describe('the worker process', () => {
  it('runs a shard from the store and leaves neither engine nor scratch', async () => {
    const place = await machine(2, 'ok');

    const { exit, lines } = await worker(place, ['--shard-key', place.key]);

    expect(exit).toBe(WORKER_EXIT.done);
    expect(await place.codes()).toEqual(['ok', 'ok']);
    expect(lines.filter(({ event }) => event === 'engine:start')).toHaveLength(1);
    expect(await enginesLeft(lines)).toEqual([]);
    expect(readdirSync(join(place.folder, 'scratch', 'in'))).toEqual([]);
    expect(readdirSync(join(place.folder, 'scratch', 'out'))).toEqual([]);
  });

  it('runs a shard from a file', async () => {
    const place = await machine(1, 'ok');
    const file = join(place.folder, 'shard.json');
    writeFileSync(file, JSON.stringify(shardOf(1, ['liver'])));

    expect((await worker(place, ['--shard-file', file])).exit).toBe(WORKER_EXIT.done);
  });

  it('goes on with the next case when the engine died', async () => {
    const place = await machine(2, `once:${join(tempFolder(), 'died')}:dies`);

    const { exit } = await worker(place, ['--shard-key', place.key]);

    expect({ exit, codes: await place.codes() }).toEqual({
      exit: WORKER_EXIT.done,
      codes: ['ENGINE_DIED', 'ok'],
    });
  });

  it('gives a device that fails twice to another machine', async () => {
    const place = await machine(2, 'cuda-fault');

    const { exit } = await worker(place, ['--shard-key', place.key]);

    expect({ exit, codes: await place.codes() }).toEqual({
      exit: WORKER_EXIT.deviceFault,
      codes: ['DEVICE_FAULT', null],
    });
  });

  it.each([
    ['nothing', []],
    ['both', ['--shard-key', 'a', '--shard-file', 'b']],
    ['an unknown option', ['--shard', 'a']],
    ['a key that is not there', ['--shard-key', 'jobs/none/shard.json']],
    [
      'a file that is no shard',
      ['--shard-file', fileURLToPath(new URL('../../package.json', import.meta.url))],
    ],
  ])('says that it cannot use %s', async (_, args) => {
    const place = { folder: tempFolder() };

    const { exit, lines } = await worker(place, args);

    expect(exit).toBe(WORKER_EXIT.shardUnreadable);
    expect(lines.at(-1)).toMatchObject({ event: 'worker:end', code: 'SHARD_UNREADABLE' });
  });

  it('fails its cases when the engines are not installed', async () => {
    const place = await machine(1, 'ok');
    const { rmSync } = await import('node:fs');
    rmSync(join(place.folder, 'venv'), { recursive: true });

    await worker(place, ['--shard-key', place.key]);

    expect(await place.codes()).toEqual(['ENGINES_NOT_INSTALLED']);
  });
});

describe('a worker that is told to stop', () => {
  it('finishes the case that runs and leaves the rest to the next attempt', async () => {
    const place = await machine(2, 'leisurely');
    const stop = (line: LogLine, kill: (signal: NodeJS.Signals) => void): void => {
      if (line.event === 'engine:ready') kill('SIGTERM');
    };

    const first = await worker(place, ['--shard-key', place.key], stop);

    expect({ exit: first.exit, codes: await place.codes() }).toEqual({
      exit: WORKER_EXIT.interrupted,
      codes: ['ok', null],
    });
    expect(first.lines.map(({ event }) => event)).toContain('worker:drain');
    const second = await worker(place, ['--shard-key', place.key]);
    expect({ exit: second.exit, codes: await place.codes() }).toEqual({
      exit: WORKER_EXIT.done,
      codes: ['ok', 'ok'],
    });
    expect(second.lines.filter(({ event }) => event === 'case:skipped')).toHaveLength(1);
  });

  it('ends a case that does not finish in time, with everything that the engine started', async () => {
    const place = await machine(1, 'stubborn');
    let told = 0;
    const stop = (line: LogLine, kill: (signal: NodeJS.Signals) => void): void => {
      if (line.event !== 'engine:ready') return;
      told = performance.now();
      setTimeout(() => kill('SIGTERM'), 300);
    };

    const { exit, lines } = await worker(place, ['--shard-key', place.key, '--drain-seconds', '0.5'], stop);

    expect(performance.now() - told).toBeLessThan(30_000);
    expect({ exit, codes: await place.codes() }).toEqual({
      exit: WORKER_EXIT.interrupted,
      codes: ['INTERRUPTED'],
    });
    expect(await enginesLeft(lines)).toEqual([]);
  });

  it('twice ends the case at once', async () => {
    const place = await machine(1, 'slow');
    const stop = (line: LogLine, kill: (signal: NodeJS.Signals) => void): void => {
      if (line.event === 'engine:ready') setTimeout(() => kill('SIGINT'), 200);
      if (line.event === 'worker:drain') kill('SIGINT');
    };

    const { exit } = await worker(place, ['--shard-key', place.key], stop);

    expect({ exit, codes: await place.codes() }).toEqual({
      exit: WORKER_EXIT.interrupted,
      codes: ['INTERRUPTED'],
    });
  });

  it('by SIGKILL takes the engine with it and leaves scratch that the next one removes', async () => {
    const place = await machine(1, 'slow');

    const { lines } = await worker(place, ['--shard-key', place.key], ({ event }, kill) => {
      if (event === 'engine:ready') kill('SIGKILL');
    });
    expect(readdirSync(join(place.folder, 'scratch', 'in'))).toHaveLength(1);
    writeFileSync(
      join(place.folder, 'venv', 'bin', 'python'),
      readFileSync(join(place.folder, 'venv', 'bin', 'python'), 'utf8').replace("'slow'", "'ok'"),
    );
    await worker(place, ['--shard-key', place.key]);

    expect(await place.codes()).toEqual(['ok']);
    expect(readdirSync(join(place.folder, 'scratch', 'in'))).toEqual([]);
    expect(await enginesLeft(lines)).toEqual([]);
  });
});
