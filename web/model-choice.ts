import type { SegmentTarget } from '../core/requests.ts';
import type { VersionFacts } from './api.ts';
import { el } from './dom.ts';

type Model = VersionFacts['models'][number];
/** What can be chosen: a model, or liver and vessels in one go. */
export type ModelChoice = Exclude<SegmentTarget, 'batch'>;

const BOTH_TITLE = 'Liver, hepatic vessels and tumours';
const BOTH_NOTE = 'Two models on one CT, measured together';

/** Radio buttons for the models that the service has, `both` chosen first. */
export function modelChoice(models: readonly Model[]): {
  readonly element: HTMLFieldSetElement;
  readonly chosen: () => ModelChoice;
} {
  const parts = models.filter(({ id }) => id === 'liver' || id === 'task008');
  const choices = [
    choice('both', { title: BOTH_TITLE, note: BOTH_NOTE, models: parts, checked: true }),
    ...models.map((model) => {
      const [, title = model.title, note = ''] = /^(.*?) \((.*)\)$/.exec(model.title) ?? [];
      return choice(model.id, { title, note, models: [model], checked: false });
    }),
  ];
  const element = el('fieldset', { class: 'models' }, el('legend', {}, 'What to segment'), ...choices);
  if (element.querySelector('input:checked:disabled') !== null)
    element.querySelector<HTMLInputElement>('input:enabled')?.click();
  const chosen = (): ModelChoice =>
    element.querySelector<HTMLInputElement>('input:checked')!.value as ModelChoice;
  return { element, chosen };
}

interface Choice {
  readonly title: string;
  readonly note: string;
  readonly models: readonly Model[];
  readonly checked: boolean;
}

function choice(id: string, { title, note, models, checked }: Choice): HTMLElement {
  const missing = models.some(({ weights }) => weights === 'missing');
  return el(
    'label',
    { class: 'model' },
    el('input', { type: 'radio', name: 'model', value: id, checked, disabled: missing }),
    el(
      'span',
      {},
      el('span', { class: 'title' }, title),
      el('span', { class: 'note' }, note),
      el(
        'span',
        { class: 'tags' },
        missing
          ? el('span', { class: 'tag' }, `weights missing: npx hpb models pull ${id} --accept-licence`)
          : null,
        models.some(({ weights }) => weights === 'demo')
          ? el('span', { class: 'tag warn' }, 'demo weights')
          : null,
        models.some(({ licence }) => !licence.commercialUse)
          ? el('span', { class: 'tag' }, 'non-commercial weights')
          : null,
      ),
    ),
  );
}
