import { expect, it } from 'vitest';
import { MODEL_VARIANTS, modelVariant } from '../../bench/model-variants.ts';

it.each(MODEL_VARIANTS)('%s is that model, fast when its name says so', (id) => {
  const { model, options } = modelVariant(id);

  expect(id).toBe(options.fast ? `${model}-fast` : model);
});

it('refuses a model that no benchmark knows, and says which there are', () => {
  expect(() => modelVariant('lung')).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
});
