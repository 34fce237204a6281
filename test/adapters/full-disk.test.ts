import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { nodeOnDisk, noDisks } from '../fixtures/full-disk.ts';
import { ROOT } from '../fixtures/hpb-command.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const impossible = noDisks();

/** What a script prints that runs with a disk of 64 kB at `disk`, and may use what the adapters export. */
async function onFullDisk(context: TestContext, script: string): Promise<unknown> {
  if (impossible !== null) context.skip(impossible);
  const folder = join(tempFolder(), 'disk');
  mkdirSync(folder);
  const from = (path: string): string => JSON.stringify(join(ROOT, path));
  const preface = `
    import { randomFillSync } from 'node:crypto';
    import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
    import { FileObjectStore } from ${from('adapters/file-object-store.ts')};
    import { acquireProcessLock, lockHolder } from ${from('adapters/process-lock.ts')};
    import { writeNifti } from ${from('adapters/nifti-file.ts')};
    import { writeZip } from ${from('adapters/zip-archive.ts')};
    const disk = ${JSON.stringify(folder)};
    const codeOf = (work) => work.then(() => 'written', (error) => error.code);
    const files = () => readdirSync(disk, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile()).map(({ name }) => name).sort();
    const dims = [64, 64, 64];
    const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    const large = { grid: { dims, affine }, data: randomFillSync(new Int16Array(64 ** 3)), slope: 1, intercept: 0 };
    const small = { grid: { dims: [2, 2, 2], affine }, data: new Uint8Array(8) };
  `;
  const { stdout, stderr } = await nodeOnDisk({ folder, state: 'empty' }, [
    '--input-type=module',
    '-e',
    `${preface}\nconsole.log(JSON.stringify(await (async () => { ${script} })()));`,
  ]);
  return stdout === '' ? stderr : (JSON.parse(stdout) as unknown);
}

describe('a disk that runs full', () => {
  it('while a CT is written is told, and keeps the file that was there', async (context) => {
    const result = await onFullDisk(
      context,
      `const paths = [disk + '/ct.nii', disk + '/ct.nii.gz'];
       for (const path of paths) await writeNifti(path, small);
       const before = paths.map((path) => readFileSync(path, 'hex'));
       const codes = [];
       for (const path of paths) codes.push(await codeOf(writeNifti(path, large)));
       const kept = paths.map((path, at) => readFileSync(path, 'hex') === before[at]);
       return { codes, kept, files: files() };`,
    );

    expect(result).toEqual({
      codes: ['DISK_FULL', 'DISK_FULL'],
      kept: [true, true],
      files: ['ct.nii', 'ct.nii.gz'],
    });
  });

  it('while an object is stored is told, and keeps the object that was there', async (context) => {
    const source = join(tempFolder(), 'large');
    writeFileSync(source, Buffer.alloc(200_000, 1));

    const result = await onFullDisk(
      context,
      `const store = new FileObjectStore(disk + '/objects');
       await store.put('jobs/a', 'before');
       const codes = [
         await codeOf(store.putFile('jobs/a', ${JSON.stringify(source)})),
         await codeOf(store.put('jobs/b', new Uint8Array(200_000))),
       ];
       return { codes, a: new TextDecoder().decode(await store.get('jobs/a')), files: files() };`,
    );

    expect(result).toEqual({ codes: ['DISK_FULL', 'DISK_FULL'], a: 'before', files: ['a'] });
  });

  it('gives its room back: objects can be removed, and stored again', async (context) => {
    const result = await onFullDisk(
      context,
      `const store = new FileObjectStore(disk + '/objects');
       for (const key of ['jobs/a/x', 'jobs/a/y']) await store.put(key, new Uint8Array(12_000));
       try { for (let more = 0; ; more++) writeFileSync(disk + '/filler' + more, 'x'); } catch {}
       const before = await codeOf(store.put('jobs/b', 'b'));
       const removed = await store.removeAll('jobs/a/');
       return { before, removed, after: await codeOf(store.put('jobs/b', 'b')) };`,
    );

    expect(result).toEqual({
      before: 'DISK_FULL',
      removed: { objects: 2, bytes: 24_000 },
      after: 'written',
    });
  });

  it('lets locks be taken, one holder at a time, those of the dead too', async (context) => {
    const result = await onFullDisk(
      context,
      `writeFileSync(disk + '/dead.lock', JSON.stringify({ pid: 2 ** 22 + 1, started: '1' }));
       try { for (let more = 0; ; more++) writeFileSync(disk + '/filler' + more, 'x'); } catch {}
       const holders = [];
       for (const path of [disk + '/dead.lock', disk + '/new.lock']) {
         const release = await acquireProcessLock(path);
         holders.push(await lockHolder(path) === process.pid);
         const stop = AbortSignal.timeout(50);
         holders.push(await codeOf(acquireProcessLock(path, { pollMs: 20, signal: stop })));
         await release();
         holders.push(await lockHolder(path));
       }
       return { holders, files: readdirSync(disk).filter((name) => !name.startsWith('filler')) };`,
    );

    expect(result).toEqual({
      holders: [true, 'CANCELLED', null, true, 'CANCELLED', null],
      files: [],
    });
  });

  it('keeps no lock of a writer that was killed', async (context) => {
    const result = await onFullDisk(
      context,
      `const store = new FileObjectStore(disk + '/objects');
       await store.put('jobs/a', 'a');
       await store.put('jobs/a', 'b');
       symlinkSync(JSON.stringify({ pid: 2 ** 22 + 1, started: '1' }), disk + '/objects/.locks/left');
       await new Promise((resolve) => setTimeout(resolve, 20));
       await store.removeUnfinished(0);
       return readdirSync(disk + '/objects/.locks');`,
    );

    expect(result).toEqual([]);
  });

  it('while an object is fetched or a ZIP is made is told, and leaves nothing', async (context) => {
    const root = tempFolder();
    writeFileSync(join(root, 'large.gz'), Buffer.alloc(200_000, 1));

    const result = await onFullDisk(
      context,
      `const source = ${JSON.stringify(join(root, 'large.gz'))};
       const store = new FileObjectStore(${JSON.stringify(root)});
       const codes = [
         await codeOf(store.getFile('large.gz', disk + '/copy')),
         await codeOf(writeZip(disk + '/a.zip', [{ name: 'large.gz', path: source }])),
       ];
       return { codes, files: files() };`,
    );

    expect(result).toEqual({ codes: ['DISK_FULL', 'DISK_FULL'], files: [] });
  });
});
