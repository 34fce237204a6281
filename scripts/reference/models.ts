import { MODEL_IDS, modelEntry, REQUEST_MODELS } from '../../core/models/catalogue.ts';
import { WEIGHTS, weightSet, type WeightsId } from '../../core/models/weights.ts';
import { code, page, table } from './markdown.ts';

const OPTIONS = { folds: [0], tta: false };

/** docs/reference/models.md: the catalogue and the weight sets behind it. */
export function modelsPage(): string {
  return page(
    'Models',
    'What `--model` takes. Licences are those of the published weights; `hpb models pull` shows them before it fetches.',
    table(
      ['id', 'what', 'mask', 'weights', 'with `--fast`', 'licence', 'commercial use'],
      MODEL_IDS.map((id) => {
        const { title, output, weights, licence } = modelEntry(id);
        const [full, fast] = [false, true].map((fast) =>
          weights({ ...OPTIONS, fast })
            .map(code)
            .join(' '),
        ) as [string, string];
        const link = `[${licence.name}](${licence.url})`;
        const commercial = licence.commercialUse ? 'yes' : 'no';
        return [code(id), title, code(output), full, fast === full ? 'the same' : fast, link, commercial];
      }),
    ),
    `Several at once: ${compositeModels()}.`,
    '## Labels',
    ...MODEL_IDS.flatMap((id) => [`### ${id}`, labelsOf(id)]),
    '## Weights',
    table(
      ['id', 'set', 'folder', 'archive', 'licence'],
      (Object.keys(WEIGHTS) as WeightsId[]).map((id) => {
        const { title, folder, trainer, url, archiveBytes, licence } = weightSet(id);
        const megabytes = `[${(archiveBytes / 1e6).toFixed(0)} MB](${url})`;
        return [code(id), title, code(`${folder}/${trainer}`), megabytes, licence];
      }),
    ),
  );
}

function compositeModels(): string {
  return Object.entries(REQUEST_MODELS)
    .filter(([name, models]) => models.length > 1 || models[0] !== name)
    .map(([name, models]) => `${code(name)} = ${models.map(code).join(' and ')}`)
    .join('; ');
}

function labelsOf(id: (typeof MODEL_IDS)[number]): string {
  return Object.entries(modelEntry(id).labels)
    .map(([label, name]) => `${label} ${name}`)
    .join(', ');
}
