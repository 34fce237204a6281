import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import type { CaseResult } from '../../core/shard.ts';
import { exportCase, prepareOutput } from '../../local/export-case.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const OURS = JSON.stringify({ schemaVersion: 1, provenance: { service: { name: 'hpb-segmentation' } } });
const IN_THE_WAY = { code: 'OUTPUT_UNWRITABLE' };

let out: string;
let store: FileObjectStore;

beforeEach(async () => {
  const folder = tempFolder();
  out = join(folder, 'out');
  mkdirSync(out);
  store = new FileObjectStore(join(folder, 'objects'));
  await store.put('metadata', OURS);
  await store.put('liver', 'new mask');
  await store.put('zip', 'new zip');
});

/** A finished case with a mask, its metadata and a ZIP. */
const result = (): CaseResult =>
  ({
    files: [
      { name: 'metadata.json', key: 'metadata' },
      { name: 'liver.nii.gz', key: 'liver' },
    ],
    zip: { key: 'zip' },
  }) as unknown as CaseResult;

/** Writes a folder of files; the paths that were made. */
function written(folder: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const contentOf = (folder: string): Record<string, string> =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));

describe('results of a case', () => {
  it('appear as a folder and a ZIP, and nothing else', async () => {
    await prepareOutput(out, ['scan'], ['scan.nii.gz']);
    await exportCase(store, result(), out, 'scan');

    expect(readdirSync(out).sort()).toEqual(['scan', 'scan_results.zip']);
    expect(contentOf(join(out, 'scan'))).toEqual({ 'metadata.json': OURS, 'liver.nii.gz': 'new mask' });
  });

  it('are refused before anything is done when the disk takes no name so long, and that is said', async () => {
    const preparing = prepareOutput(out, ['a'.repeat(250)], ['scan.nii.gz']);

    await expect(preparing).rejects.toMatchObject({
      ...IN_THE_WAY,
      remedy: expect.stringContaining('too long') as string,
    });
  });

  it('replace those of an earlier run, whatever models it had', async () => {
    written(join(out, 'scan'), { 'metadata.json': OURS, 'task008.nii.gz': 'old', 'run.json': '{}' });
    writeFileSync(join(out, 'scan_results.zip'), 'old zip');

    await prepareOutput(out, ['scan'], ['scan.nii.gz']);
    await exportCase(store, result(), out, 'scan');

    expect(readdirSync(join(out, 'scan')).sort()).toEqual(['liver.nii.gz', 'metadata.json']);
    expect(readFileSync(join(out, 'scan_results.zip'), 'utf8')).toBe('new zip');
  });

  it('take the place of an empty folder', async () => {
    mkdirSync(join(out, 'scan'));

    await prepareOutput(out, ['scan'], ['scan.nii.gz']);
    await exportCase(store, result(), out, 'scan');

    expect(readdirSync(join(out, 'scan'))).toHaveLength(2);
  });
});

describe('what is not an earlier result stays, and is refused before anything runs:', () => {
  it.each<[string, Record<string, string>]>([
    ["somebody's files", { 'thesis.txt': 'mine' }],
    ['a result with a file of its reader beside it', { 'metadata.json': OURS, 'notes.txt': 'mine' }],
    ['files named as ours without our metadata', { 'liver.nii.gz': 'traced by hand' }],
    ['the metadata of another program', { 'metadata.json': '{"schemaVersion":1}', 'liver.nii.gz': 'mine' }],
    ['metadata that is no JSON', { 'metadata.json': 'half', 'liver.nii.gz': 'mine' }],
  ])('%s', async (_, files) => {
    const folder = written(join(out, 'scan'), files);

    await expect(prepareOutput(out, ['other', 'scan'], ['a.nii', 'scan.nii'])).rejects.toMatchObject(
      IN_THE_WAY,
    );
    await expect(exportCase(store, result(), out, 'scan')).rejects.toMatchObject(IN_THE_WAY);
    expect(contentOf(folder)).toEqual(files);
    expect(readdirSync(out)).toEqual(['scan']);
  });

  it('a folder in a result folder', async () => {
    written(join(out, 'scan'), { 'metadata.json': OURS });
    written(join(out, 'scan', 'run.json'), { 'a.txt': 'mine' });

    await expect(prepareOutput(out, ['scan'], ['scan.nii'])).rejects.toMatchObject(IN_THE_WAY);
  });

  it('a file, or a link to a folder, where the folder would go', async () => {
    const elsewhere = written(join(out, '..', 'elsewhere'), { 'metadata.json': OURS });
    writeFileSync(join(out, 'file'), 'mine');
    symlinkSync(elsewhere, join(out, 'link'));

    for (const name of ['file', 'link'])
      await expect(prepareOutput(out, [name], ['scan.nii'])).rejects.toMatchObject(IN_THE_WAY);
  });

  it('a folder where the ZIP would go', async () => {
    written(join(out, 'scan_results.zip'), { 'a.txt': 'mine' });

    await expect(prepareOutput(out, ['scan'], ['scan.nii'])).rejects.toMatchObject(IN_THE_WAY);
    await expect(exportCase(store, result(), out, 'scan')).rejects.toMatchObject(IN_THE_WAY);
    expect(readdirSync(out)).toEqual(['scan_results.zip']);
  });

  it('an input in the folder of results, also by way of a link', async () => {
    const folder = written(join(out, 'liver'), { 'metadata.json': OURS, 'liver.nii.gz': 'a CT' });
    symlinkSync(folder, join(out, '..', 'link'));

    for (const input of [join(folder, 'liver.nii.gz'), join(out, '..', 'link', 'liver.nii.gz')])
      await expect(prepareOutput(out, ['liver'], [input])).rejects.toMatchObject({
        ...IN_THE_WAY,
        message: expect.stringContaining(input) as string,
      });
  });

  it('an input where a ZIP would go', async () => {
    writeFileSync(join(out, 'scan_results.zip'), 'a CT');

    await expect(
      prepareOutput(out, ['scan', 'scan_results.zip'], ['scan.nii', join(out, 'scan_results.zip')]),
    ).rejects.toMatchObject(IN_THE_WAY);
  });
});
