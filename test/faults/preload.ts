/**
 * Loaded into `hpb serve` (NODE_OPTIONS) and handed on to its workers, so that a drill can stop a process at a known
 * place, move its clock, or take a piece out of a module. The program on disk is not touched and knows nothing of it:
 *
 * - a process stops (SIGSTOP) right after it has written a log line that holds the text in `hold-<role>`, as if
 *   whoever reads its log had stalled; `held-<role>` then names it;
 * - its wall clock is ahead by the milliseconds in `clock`;
 * - the files that it has brought to the disk are noted in `synced` by their inodes, for a power cut;
 * - `substitutions.json` lists texts of modules and what stands there instead.
 */
import childProcess from 'node:child_process';
import fs, { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { registerHooks, syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import type { Substitution } from './substitutions.ts';

const control = process.env['HPB_FAULTS'];
const role = process.argv.some((argument) => argument.endsWith('container/main.ts')) ? 'worker' : 'server';

if (control !== undefined && isMainThread) {
  substituteModules(readSubstitutions(join(control, 'substitutions.json')));
  followIntoWorkers(control);
  stopAtLines(control);
  moveClock(join(control, 'clock'));
  await noteSyncs(join(control, 'synced'));
}

function readSubstitutions(path: string): readonly Substitution[] {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Substitution[]) : [];
}

function substituteModules(substitutions: readonly Substitution[]): void {
  if (substitutions.length === 0) return;
  const root = fileURLToPath(new URL('../..', import.meta.url));
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      const mine = substitutions.filter(({ file }) => url === pathToFileURL(join(root, file)).href);
      if (mine.length === 0 || loaded.source === undefined || loaded.source === null) return loaded;
      let source =
        typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
      for (const { file, find, replace } of mine) {
        if (source.split(find).length !== 2) throw new Error(`${file} does not hold once: ${find}`);
        source = source.replace(find, () => replace);
      }
      return { ...loaded, source };
    },
  });
}

function followIntoWorkers(folder: string): void {
  const { spawn } = childProcess;
  const wrapped = (command: string, args: readonly string[], options: childProcess.SpawnOptions) => {
    if (!args.some((argument) => argument.endsWith('container/main.ts')))
      return spawn(command, args, options);
    const env = { ...options.env, HPB_FAULTS: folder };
    return spawn(command, ['--import', import.meta.url, ...args], { ...options, env });
  };
  childProcess.spawn = wrapped as typeof spawn;
  syncBuiltinESMExports();
}

function stopAtLines(folder: string): void {
  const { stdout } = process;
  const write = stdout.write.bind(stdout);
  const [hold, held] = [join(folder, `hold-${role}`), join(folder, `held-${role}`)];
  stdout.write = ((...args: Parameters<typeof write>) => {
    const written = write(...args);
    if (!existsSync(hold) || !String(args[0]).includes(readFileSync(hold, 'utf8'))) return written;
    rmSync(hold);
    writeFileSync(`${held}.partial`, String(process.pid));
    renameSync(`${held}.partial`, held);
    process.kill(process.pid, 'SIGSTOP');
    return written;
  }) as typeof write;
}

function moveClock(path: string): void {
  const now = Date.now.bind(Date);
  Date.now = () => now() + (existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0);
}

async function noteSyncs(path: string): Promise<void> {
  const note = (file: number): void => appendFileSync(path, `${fs.fstatSync(file).ino}\n`);
  const { fdatasync } = fs;
  const noted = (file: number, done: fs.NoParamCallback): void => {
    note(file);
    fdatasync(file, done);
  };
  fs.fdatasync = noted as typeof fdatasync;
  const handle = await open(import.meta.filename);
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const { datasync } = prototype as { datasync: (this: FileHandle) => Promise<void> };
  prototype.datasync = function sync(this: FileHandle): Promise<void> {
    note(this.fd);
    return Reflect.apply(datasync, this, []);
  };
  syncBuiltinESMExports();
}
