import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Metadata } from '../../../core/results/metadata-schema.ts';
import {
  buildReceipt,
  receiptProblems,
  receiptSchema,
  type Receipt,
  type ReceiptFile,
} from '../../../core/results/receipt.ts';
import { metadataOf } from '../../fixtures/case-metadata.ts';
import { phantomCase } from '../../fixtures/phantom-case.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const file = (name: string, content = name): ReceiptFile => ({
  name,
  bytes: content.length,
  sha256: sha256(content),
});
const FILES = ['liver.nii.gz', 'meta.json', 'metadata.json', 'report.html', 'run.json'].map((name) =>
  file(name),
);

let metadata: Metadata;
beforeAll(() => {
  const { phantom, masks } = phantomCase();
  metadata = metadataOf(phantom.ct, masks);
});

const receiptOf = (files: readonly ReceiptFile[] = FILES, attempt = 1): Receipt =>
  buildReceipt({ metadata, attempt, imageDigest: null, files, sha256 });
const changed = (name: string, content: string): readonly ReceiptFile[] =>
  FILES.map((one) => (one.name === name ? file(name, content) : one));

describe('a receipt', () => {
  it('is of its own schema and does not depend on the order of the files', () => {
    const receipt = receiptOf();

    expect(receiptSchema.parse(receipt)).toEqual(receipt);
    expect(receiptOf(FILES.toReversed())).toEqual(receipt);
  });

  it.each(['meta.json', 'run.json', 'report.html'])('has the same content when %s differs', (name) => {
    expect(receiptOf(changed(name, 'of another run'), 2).contentSha256).toBe(receiptOf().contentSha256);
  });

  it.each(['liver.nii.gz', 'metadata.json'])('has another content when %s differs', (name) => {
    expect(receiptOf(changed(name, 'other')).contentSha256).not.toBe(receiptOf().contentSha256);
  });

  it('finds nothing wrong with the files that it was made of', () => {
    expect(receiptProblems(receiptOf(), FILES, metadata, sha256)).toEqual([]);
  });

  it('says which file is missing, changed or was added', () => {
    const [, ...others] = changed('run.json', 'forged');

    const problems = receiptProblems(receiptOf(), [...others, file('added.txt')], metadata, sha256);

    expect(problems.map(({ what, name }) => [what, name])).toEqual([
      ['missing', 'liver.nii.gz'],
      ['changed', 'run.json'],
      ['unexpected', 'added.txt'],
    ]);
  });

  it('notices that it was itself changed against metadata.json, or in its content', () => {
    const receipt = receiptOf();
    const forged = { ...receipt, input: { ...receipt.input, bytes: 1 }, contentSha256: 'f'.repeat(64) };

    expect(receiptProblems(forged, FILES, metadata, sha256).map(({ what, name }) => [what, name])).toEqual([
      ['content', 'contentSha256'],
      ['provenance', 'input'],
    ]);
  });
});
