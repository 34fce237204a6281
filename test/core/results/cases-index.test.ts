import { beforeAll, describe, expect, it } from 'vitest';
import { HpbError } from '../../../core/errors.ts';
import { caseIdOf } from '../../../core/layout.ts';
import { casesCsv, indexPage, type IndexedCase } from '../../../core/results/cases-index.ts';
import type { Metadata } from '../../../core/results/metadata-schema.ts';
import { metadataOf } from '../../fixtures/case-metadata.ts';
import { phantomCase } from '../../fixtures/phantom-case.ts';

let metadata: Metadata;
beforeAll(() => {
  const { phantom, masks } = phantomCase();
  metadata = metadataOf(phantom.ct, masks);
});

const FILES = ['report.html', 'previews/thumbnail.png'];
const done = (name: string, folder = 'folder'): IndexedCase => ({
  entry: {
    caseId: caseIdOf(1),
    name,
    outcome: 'succeeded',
    error: null,
    demo: false,
    seconds: 12.5,
    bytes: 9,
  },
  folder,
  files: FILES,
  measured: metadata,
});
function failed(name: string): IndexedCase {
  const error = new HpbError('CT_ALL_AIR', 'Nothing but <air>, "quoted".', { remedy: 'Scan somebody.' });
  return {
    entry: { ...done(name).entry, outcome: 'failed', error: error.toDocument(), seconds: null, demo: null },
    folder: null,
    files: [],
    measured: null,
  };
}
const rowsOf = (csv: string): string[] => csv.split('\r\n').slice(1, -1);

describe('cases.csv', () => {
  it('has a row a case with its measures, and nothing where nothing is known', () => {
    const [good, bad] = rowsOf(casesCsv([done('scan'), failed('other')]));

    expect(good).toMatch(/^scan,folder,succeeded,(ok|review|reject),[A-Z_ ]*,false,\d/);
    expect(good!.split(',')[6]).toBe(String(metadata.hpb.liverVolumeMl));
    expect(bad).toBe('other,,failed,,,,,,,,,,,,CT_ALL_AIR,"Nothing but <air>, ""quoted""."');
  });

  it.each(['=1+1', '+1', '-2', '@SUM(A1)', '\t=1', '  =1', '\uff1d1'])('defuses %j', (name) => {
    const [row] = rowsOf(casesCsv([done(name)]));

    expect(row).toMatch(/^"'/);
  });

  it('keeps a name of several lines and quotes in one cell', () => {
    expect(casesCsv([done('a"b\r\n=c')])).toContain('\r\n"a""b\r\n=c",folder,');
  });
});

describe('index.html', () => {
  it('escapes names, and links into the folder of the case only', () => {
    const folder = `javascript:alert(1)#?%"'`;
    const page = indexPage({ batchId: 'job', cases: [done('<b onclick="x">', folder), failed('<i>')] });

    expect(page).not.toMatch(/<b onclick|<i>|<script/);
    const links = [...page.matchAll(/(?:href|src)="([^"#][^"]*)"/g)].map(([, link]) => link);
    expect(links).toEqual(FILES.map((file) => `./javascript%3Aalert(1)%23%3F%25%22&#39;/${file}`));
    expect(new URL(links[0]!.replace('&#39;', "'"), 'https://example.org/dir/').origin).toBe(
      'https://example.org',
    );
  });

  it('says of every case how it ended, and why it failed', () => {
    const page = indexPage({ batchId: 'job', cases: [done('scan'), failed('other')] });

    expect(page).toContain('2 cases, 1 with a result, 1 failed');
    expect(page).toContain('CT_ALL_AIR');
    expect(page).toContain('Nothing but &lt;air&gt;');
    expect(page).toContain(metadata.hpb.liverVolumeMl!.toFixed(1));
    expect(page).not.toContain('DEMO');
  });

  it('says DEMO when a case of it is', () => {
    const { entry, ...one } = done('scan');

    expect(indexPage({ batchId: 'job', cases: [{ ...one, entry: { ...entry, demo: true } }] })).toContain(
      '<title>DEMO: ',
    );
  });
});
