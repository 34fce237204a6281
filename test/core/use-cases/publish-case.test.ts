import { describe, expect, it } from 'vitest';
import { jpegOfPng } from '../../../adapters/viewer-thumbnail.ts';
import { HpbError } from '../../../core/errors.ts';
import type { JobId, ViewerCaseId } from '../../../core/layout.ts';
import { publishCase } from '../../../core/use-cases/publish-case.ts';
import { unpublishCase } from '../../../core/use-cases/unpublish-case.ts';
import { storedCase, type ViewerSource } from '../../../core/use-cases/viewer-source.ts';
import { MemoryObjectStore } from '../../fakes/memory-object-store.ts';
import { storePackage, viewerPackage } from '../../fixtures/viewer-package.ts';

const ID = 'case-7' as ViewerCaseId;
const FOLDER = 'liverCases/case-7/';

async function packageOf(mesh?: string): Promise<ViewerSource> {
  const store = new MemoryObjectStore();
  return storedCase(store, await storePackage(store, 'job-00000001' as JobId, viewerPackage(mesh)));
}

const keysOf = async (viewer: MemoryObjectStore): Promise<string[]> =>
  (await viewer.list('')).map(({ key }) => key);

async function json(viewer: MemoryObjectStore, key: string): Promise<Record<string, unknown>> {
  return JSON.parse(new TextDecoder().decode(await viewer.get(key))) as Record<string, unknown>;
}

interface Manifest {
  readonly volume: string;
  readonly meshes: Readonly<Record<string, string>>;
  readonly segmentations: readonly { readonly output: string; readonly display_name: string }[];
}

const manifestIn = async (viewer: MemoryObjectStore): Promise<Manifest> =>
  (await json(viewer, `${FOLDER}manifest.json`)) as unknown as Manifest;

const namedBy = ({ volume, meshes }: Manifest): string[] =>
  [volume, ...Object.values(meshes)].map((name) => `${FOLDER}${name}`);

/** The order in which keys are written. */
function writesTo(viewer: MemoryObjectStore): string[] {
  const written: string[] = [];
  const [put, putStream] = [viewer.put.bind(viewer), viewer.putStream.bind(viewer)];
  viewer.put = async (key, body, condition) => {
    written.push(key);
    return put(key, body, condition);
  };
  viewer.putStream = async (key, chunks, condition) => {
    written.push(key);
    return putStream(key, chunks, condition);
  };
  return written;
}

describe('a case that is published', () => {
  it('is a folder that the viewer knows: volume, a file per structure, manifest', async () => {
    const viewer = new MemoryObjectStore();

    const published = await publishCase({ viewer, jpegOfPng }, await packageOf(), {
      id: ID,
      title: 'Case seven',
    });

    const manifest = await manifestIn(viewer);
    expect(published).toMatchObject({ id: ID, prefix: FOLDER, meshes: 2 });
    expect(manifest).toMatchObject({
      case_id: 'case-7',
      title: 'Case seven',
      timestamp: 1_700_000_000,
      documents: [],
      metadata: { voxels: '20 x 16 x 12', spacing: '1 x 1 x 1 mm' },
    });
    expect(manifest.volume).toMatch(/_volume\.vti$/);
    expect(manifest.segmentations.map((one) => one.display_name)).toEqual(['Hepatic vessels', 'Liver']);
    expect(manifest.segmentations.map((one) => one.output)).toEqual(Object.values(manifest.meshes));
    expect(await keysOf(viewer)).toEqual(expect.arrayContaining(namedBy(manifest)));
    const jpeg = await viewer.get(`${FOLDER}thumbnail.jpg`);
    expect([...jpeg.subarray(0, 2)]).toEqual([0xff, 0xd8]);
  });

  it('has the documents of the second reader, whose assets are all there', async () => {
    const viewer = new MemoryObjectStore();
    await publishCase({ viewer, jpegOfPng }, await packageOf(), { id: ID });

    const own = (await json(viewer, `${FOLDER}metadata.json`)) as Record<
      'id' | 'title' | 'summary',
      string
    > & {
      assets: Record<string, string>;
    };
    expect([own.id, own.title]).toEqual(['case-7', 'case-7']);
    expect(own.summary.length).toBeGreaterThan(0);
    expect(await keysOf(viewer)).toEqual(
      expect.arrayContaining(Object.values(own.assets).map((name) => `${FOLDER}${name}`)),
    );
    expect(await json(viewer, 'meta/cases.json')).toMatchObject({
      cases: [{ id: 'case-7', path: 'liverCases/case-7', thumbnail: 'liverCases/case-7/thumbnail.jpg' }],
    });
  });

  it('tells nobody what its file was called, and holds no mask', async () => {
    const viewer = new MemoryObjectStore();
    await publishCase({ viewer, jpegOfPng }, await packageOf(), { id: ID });

    for (const key of await keysOf(viewer)) {
      expect(key).not.toMatch(/Doe|nii/);
      expect(Buffer.from(await viewer.get(key)).toString('latin1')).not.toContain('Doe');
    }
  });

  it('gets its manifest after all that it names', async () => {
    const viewer = new MemoryObjectStore();
    const written = writesTo(viewer);
    await publishCase({ viewer, jpegOfPng }, await packageOf(), { id: ID });

    const inFolder = [...new Set(written)].filter((key) => key.startsWith(FOLDER));
    expect(inFolder.at(-1)).toBe(`${FOLDER}manifest.json`);
    expect(inFolder).toHaveLength(6);
  });

  it('is replaced so that whatever manifest a reader has, all that it names is there', async () => {
    const viewer = new MemoryObjectStore();
    await publishCase({ viewer, jpegOfPng }, await packageOf('old mesh'), { id: ID });
    const old = await manifestIn(viewer);
    const seen: boolean[] = [];
    const put = viewer.put.bind(viewer);
    const check = async (): Promise<void> => {
      const keys = await keysOf(viewer);
      seen.push(namedBy(await manifestIn(viewer)).every((key) => keys.includes(key)));
    };
    viewer.put = async (key, body, condition) => {
      await check();
      const facts = await put(key, body, condition);
      await check();
      return facts;
    };

    await publishCase({ viewer, jpegOfPng }, await packageOf('new mesh'), { id: ID });

    const now = await manifestIn(viewer);
    expect(seen.length).toBeGreaterThan(6);
    expect(seen).not.toContain(false);
    expect(now.meshes['hepatic_vessels']).not.toBe(old.meshes['hepatic_vessels']);
    expect(now.meshes['liver']).toBe(old.meshes['liver']);
    expect(await keysOf(viewer)).not.toContain(`${FOLDER}${old.meshes['hepatic_vessels']}`);
  });

  it('stands as it was when it cannot be replaced', async () => {
    const viewer = new MemoryObjectStore();
    await publishCase({ viewer, jpegOfPng }, await packageOf('old mesh'), { id: ID });
    const before = await manifestIn(viewer);
    viewer.putStream = async () => {
      throw new HpbError('DISK_FULL', 'full', { remedy: 'x' });
    };

    await expect(
      publishCase({ viewer, jpegOfPng }, await packageOf('new mesh'), { id: ID }),
    ).rejects.toMatchObject({ code: 'DISK_FULL' });

    expect(await manifestIn(viewer)).toEqual(before);
    expect(await keysOf(viewer)).toEqual(expect.arrayContaining(namedBy(before)));
  });

  it('leaves cases and fields of others in the list alone, even when they write at the same time', async () => {
    const viewer = new MemoryObjectStore();
    await viewer.put(
      'meta/cases.json',
      JSON.stringify({ note: 'ours', cases: [{ id: 'other', difficulty: 'hard' }] }),
    );
    const read = viewer.read.bind(viewer);
    let interrupted = false;
    viewer.read = async (key) => {
      const found = await read(key);
      if (!interrupted) {
        interrupted = true;
        await viewer.put(
          'meta/cases.json',
          JSON.stringify({ note: 'ours', cases: [{ id: 'other' }, { id: 'new' }] }),
        );
      }
      return found;
    };

    await publishCase({ viewer, jpegOfPng }, await packageOf(), { id: ID });

    const list = (await json(viewer, 'meta/cases.json')) as { note: string; cases: { id: string }[] };
    expect(list.note).toBe('ours');
    expect(list.cases.map(({ id }) => id)).toEqual(['other', 'new', 'case-7']);
  });

  it('that two publish at once is that of one of them, whole, and its leftovers go with the next', async () => {
    const viewer = new MemoryObjectStore();
    const meshes = ['one mesh', 'a second mesh', 'the third mesh'];
    const sources = await Promise.all(meshes.map(packageOf));

    const ends = await Promise.allSettled(
      sources.map((source) => publishCase({ viewer, jpegOfPng }, source, { id: ID })),
    );

    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    const keys = await keysOf(viewer);
    expect(keys).toEqual(expect.arrayContaining(namedBy(await manifestIn(viewer))));
    await publishCase({ viewer, jpegOfPng }, sources[0]!, { id: ID });
    expect((await keysOf(viewer)).filter((key) => key.startsWith(FOLDER))).toHaveLength(6);
  });

  it('begins again when another publishes it between, and keeps what both name', async () => {
    const viewer = new MemoryObjectStore();
    const [mine, other] = [await packageOf('mine'), await packageOf('of another')];
    const put = viewer.put.bind(viewer);
    let others = 1;
    viewer.put = async (key, body, condition) => {
      if (key === `${FOLDER}manifest.json` && others-- > 0)
        await publishCase({ viewer, jpegOfPng }, other, { id: ID });
      return put(key, body, condition);
    };

    await publishCase({ viewer, jpegOfPng }, mine, { id: ID });

    const manifest = await manifestIn(viewer);
    const mesh = new TextDecoder().decode(await viewer.get(`${FOLDER}${manifest.meshes['hepatic_vessels']}`));
    expect(mesh).toBe('mine');
    expect((await keysOf(viewer)).filter((key) => key.startsWith(FOLDER))).toHaveLength(6);
  });

  it.each(['ct_volume.vti', 'metadata.json'])(
    'is refused without %s, and nothing is written',
    async (name) => {
      const viewer = new MemoryObjectStore();
      const whole = await packageOf();
      const source = { ...whole, files: whole.files.filter((file) => file.name !== name) };

      await expect(publishCase({ viewer, jpegOfPng }, source, { id: ID })).rejects.toMatchObject({
        code: 'RESULT_NOT_FOUND',
      });
      expect(await keysOf(viewer)).toEqual([]);
    },
  );
});

describe('a case that is taken out', () => {
  it('is gone, the others stay', async () => {
    const viewer = new MemoryObjectStore();
    await publishCase({ viewer, jpegOfPng }, await packageOf(), { id: ID });
    await publishCase({ viewer, jpegOfPng }, await packageOf(), { id: 'case-70' as ViewerCaseId });

    const { objects } = await unpublishCase(viewer, ID);

    expect(objects).toBe(6);
    expect((await keysOf(viewer)).filter((key) => key.startsWith(FOLDER))).toEqual([]);
    expect((await keysOf(viewer)).filter((key) => key.startsWith('liverCases/case-70/'))).toHaveLength(6);
    expect(await json(viewer, 'meta/cases.json')).toMatchObject({ cases: [{ id: 'case-70' }] });
  });

  it('is refused when it was never there', async () => {
    await expect(unpublishCase(new MemoryObjectStore(), ID)).rejects.toMatchObject({
      code: 'RESULT_NOT_FOUND',
    });
  });
});
