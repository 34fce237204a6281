import type { SubmitRequest } from '../core/requests.ts';
import type { Offer } from './api.ts';
import { el } from './dom.ts';

/** What a job may cost, and who may see its cases. */
export type JobLimits = Pick<SubmitRequest, 'maxCostUsd' | 'publish'>;

/** The fields of `JobLimits` that the service has a use for. */
export function jobLimits(offers: readonly Offer[]): {
  readonly element: HTMLElement;
  readonly values: () => JobLimits;
  /** Says what is wrong beside the field, and moves there. */
  readonly areValid: () => boolean;
} {
  const cost = el('input', {
    type: 'number',
    min: '0.01',
    max: '1000000',
    step: '0.01',
    inputmode: 'decimal',
  });
  const publish = el('input', { type: 'checkbox' });
  const element = el(
    'div',
    { class: 'options' },
    offers.includes('maxCostUsd')
      ? el('label', {}, 'Refuse what would cost more, USD by an uncalibrated estimate: ', cost)
      : null,
    offers.includes('publish')
      ? el('label', {}, publish, ' Publish to the viewer: whoever can read it then sees the CT')
      : null,
  );
  element.hidden = offers.length === 0;
  const values = (): JobLimits => ({
    ...(cost.value !== '' && { maxCostUsd: cost.valueAsNumber }),
    ...(publish.checked && { publish: true }),
  });
  return { element, values, areValid: () => cost.reportValidity() };
}
