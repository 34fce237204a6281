import type { Metadata } from '../metadata-schema.ts';
import { html, type Html } from './html.ts';
import { table } from './table.ts';

type Model = Metadata['provenance']['models'][number];

/** Where the result came from: the input, models and weights by checksum, versions. */
export function provenanceSection({ provenance, grid }: Metadata): Html {
  const { input, models, weights, versions, service } = provenance;
  const code = (text: string): Html => html`<code>${text}</code>`;
  const scan = `${grid.dims.join(' × ')} voxels of ${grid.spacingMm.map((mm) => mm.toFixed(2)).join(' × ')} mm, axes ${grid.orientation}`;
  const rows = [
    ['CT', html`${scan}; ${input.bytes} bytes; SHA-256 ${code(input.sha256)}`],
    ...models.map((model) => [model.engineCall.engine === 'given' ? 'Masks' : model.title, modelText(model)]),
    ['Software', [`${service.name} ${service.version}`, ...versionTexts(versions)].join(', ')],
  ];
  const files = weights.flatMap(({ id, demo, licence, files }) =>
    files.map(({ name, sha256 }) => [demo ? `${id} (DEMO)` : id, licence, code(name), code(sha256)]),
  );
  const columns = ['Set', 'Licence', 'File', 'SHA-256'].map((title) => ({ title }));
  return html`<section aria-labelledby="provenance">
    <h2 id="provenance">Where this came from</h2>
    ${table('Input, models and software', [{ title: 'What' }, { title: 'Which' }], rows)}
    ${files.length === 0 ? null : table('Weights that were loaded', columns, files)}
    <p>
      receipt.json holds the checksum of every file of this result; <code>hpb verify</code> checks them. When
      and on which device it was made is in run.json.
    </p>
  </section>`;
}

function modelText({ parameters, engineCall, cropEmpty }: Model): Html {
  if (engineCall.engine === 'given') {
    const masks = engineCall.masks.map(
      ({ sha256, structures }) => html`<br />${structures.join(', ')}: SHA-256 <code>${sha256}</code>`,
    );
    return html`Made elsewhere; no network of this software ran.${masks}`;
  }
  const options =
    parameters === null
      ? []
      : [
          `fast ${yesNo(parameters.fast)}, folds ${parameters.folds.join(' ')}, mirrored passes ${yesNo(parameters.tta)}`,
        ];
  const crop = cropEmpty ? ['found nothing to crop to'] : [];
  return html`${[engineCall.engine, ...options, ...crop].join('; ')}`;
}

const yesNo = (value: boolean): string => (value ? 'yes' : 'no');

const versionTexts = (versions: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(versions).map(([name, version]) => `${name} ${version}`);
