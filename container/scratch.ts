import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { outputError } from '../adapters/file-error.ts';
import { isAbandoned, keepAlive } from '../adapters/lease-lock.ts';
import { makeFolder, PRIVATE_MODE } from '../adapters/make-folder.ts';
import { isAlive, ownIdentity } from '../adapters/process-identity.ts';
import type { MachinePaths } from '../adapters/machine-paths.ts';
import type { CaseId } from '../core/layout.ts';
import type { Log } from '../core/ports.ts';
import type { Settings } from '../core/settings.ts';

/** Folders under which workers keep what they need while a case runs. */
export interface ScratchRoots {
  readonly in: string;
  readonly out: string;
}

/** Those of a machine with these settings. */
export function scratchRoots(
  settings: Pick<Settings, 'HPB_IN_ROOT' | 'HPB_OUT_ROOT'>,
  { dataRoot }: Pick<MachinePaths, 'dataRoot'>,
): ScratchRoots {
  return {
    in: settings.HPB_IN_ROOT ?? join(dataRoot, 'scratch', 'in'),
    out: settings.HPB_OUT_ROOT ?? join(dataRoot, 'scratch', 'out'),
  };
}

/** The folders of one case, which exist. */
export interface CaseScratch {
  /** The CT as it came and as the engines get it. */
  readonly in: string;
  /** Raw masks of the engines, result files. */
  readonly out: string;
  /** Removes both. */
  readonly remove: () => Promise<void>;
}

/** The scratch of one worker. */
export interface Scratch {
  /** Temporary files of the engines. */
  readonly temporary: string;
  readonly forCase: (caseId: CaseId) => Promise<CaseScratch>;
  /** Removes everything but the folders of cases that were not removed. */
  readonly close: (keepCases: boolean) => Promise<void>;
}

const NAME = /^worker-[0-9a-f-]{36}$/;
const MARKER = 'owner.json';
const owner = z.object({ host: z.string(), pid: z.int(), started: z.string().nullable() });

/** Who else works below the same roots. */
export interface ScratchNeighbours {
  /** Workers in containers of their own, whose processes are not to be seen: a folder lives as long as it is touched. */
  readonly inContainers: boolean;
}

/**
 * Makes scratch folders for this process, `worker-<random>` below each root, after removing those that processes
 * of this machine left behind when they died. Throws `DISK_FULL` or `OUTPUT_UNWRITABLE`.
 */
export async function openScratch(
  roots: ScratchRoots,
  log: Log,
  neighbours: ScratchNeighbours = { inContainers: false },
): Promise<Scratch> {
  const name = `worker-${randomUUID()}`;
  const folders = { in: join(roots.in, name), out: join(roots.out, name) };
  const temporary = join(folders.out, 'tmp');
  const both = [...new Set([folders.in, folders.out])];
  try {
    await removeDeadScratch(roots, log, neighbours);
    for (const folder of both) {
      await makeFolder(folder, PRIVATE_MODE);
      await writeFile(join(folder, MARKER), JSON.stringify({ host: hostname(), ...ownIdentity() }));
    }
    await mkdir(temporary);
  } catch (error) {
    throw outputError(error);
  }
  const cases = caseFolders(folders);
  const markers = both.map((folder) => join(folder, MARKER));
  const letDie = neighbours.inContainers ? markers.map((marker) => keepAlive(marker)) : [];
  return {
    temporary,
    forCase: cases,
    close: async (keepCases) => {
      // Without its marker a folder is nobody's: it is kept for whoever asked to keep it.
      for (const stop of letDie) stop();
      const parts = keepCases ? markers : both;
      for (const part of [...parts, temporary]) await rm(part, { recursive: true, force: true });
    },
  };
}

/** Removes what workers of this machine left behind that died. */
export async function removeDeadScratch(
  roots: ScratchRoots,
  log: Log,
  neighbours: ScratchNeighbours = { inContainers: false },
): Promise<void> {
  for (const root of new Set([roots.in, roots.out])) await removeLeftovers(root, log, neighbours);
}

/**
 * Gives each case folders of its own, and takes those of cases that are removed again under another name: a file system
 * that has to make and forget a handful of folders for every case finds room for the next ones ever more slowly.
 */
function caseFolders(roots: ScratchRoots): Scratch['forCase'] {
  const parents = [...new Set([roots.in, roots.out])];
  const free: string[] = [];
  let spares = 0;
  const rename = (from: string, to: string): void => {
    for (const parent of parents) renameSync(join(parent, from), join(parent, to));
  };
  return async (caseId) => {
    const folders = { in: join(roots.in, caseId, 'in'), out: join(roots.out, caseId, 'out') };
    const both = [folders.in, folders.out];
    // Synchronous: a handful of files, each of which would take its own way through the thread pool.
    const remove = async (): Promise<void> => {
      if (!both.every((folder) => existsSync(folder))) return;
      for (const folder of both)
        for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
      const spare = `free-${++spares}`;
      rename(caseId, spare);
      free.push(spare);
    };
    try {
      // What an earlier attempt of this process left would be taken for this one's.
      await remove();
      const spare = free.pop();
      if (spare === undefined) for (const folder of both) mkdirSync(folder, { recursive: true });
      else rename(spare, caseId);
    } catch (error) {
      throw outputError(error);
    }
    return { ...folders, remove };
  };
}

async function removeLeftovers(root: string, log: Log, { inContainers }: ScratchNeighbours): Promise<void> {
  const names = await readdir(root).catch(() => []);
  for (const name of names.filter((entry) => NAME.test(entry))) {
    const text = await readFile(join(root, name, MARKER), 'utf8').catch(() => null);
    // A folder that is being made has no marker yet, a kept one has none any more.
    if (text === null) continue;
    const parsed = owner.safeParse(parseJson(text));
    if (!parsed.success) continue;
    const isLeft = inContainers ? await isAbandoned(join(root, name, MARKER)) : isDead(parsed.data);
    if (!isLeft) continue;
    await rm(join(root, name), { recursive: true, force: true });
    log.info('worker:scratch-removed', { pid: parsed.data.pid });
  }
}

/** Of a worker on another machine, or in another container, that shares the folder we know nothing. */
const isDead = (worker: z.infer<typeof owner>): boolean => worker.host === hostname() && !isAlive(worker);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
