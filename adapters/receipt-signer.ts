import { HpbError } from '../core/errors.ts';
import type { Signer } from '../core/signer-port.ts';
import type { Settings } from '../core/settings.ts';
import { keySigner } from './key-signer.ts';

/**
 * The signer that the settings ask for; null for none.
 *
 * @throws HpbError SETTINGS_INVALID when they ask for two, SIGNING_FAILED when the key file is none.
 */
export async function receiptSigner({
  HPB_SIGNING_KEY,
  HPB_SIGNING_KMS_KEY,
}: Pick<Settings, 'HPB_SIGNING_KEY' | 'HPB_SIGNING_KMS_KEY'>): Promise<Signer | null> {
  if (HPB_SIGNING_KEY !== undefined && HPB_SIGNING_KMS_KEY !== undefined)
    throw new HpbError('SETTINGS_INVALID', 'HPB_SIGNING_KEY and HPB_SIGNING_KMS_KEY are both set.', {
      remedy: 'Unset one of the two.',
      details: { name: 'HPB_SIGNING_KEY' },
    });
  if (HPB_SIGNING_KEY !== undefined) return keySigner(HPB_SIGNING_KEY);
  if (HPB_SIGNING_KMS_KEY === undefined) return null;
  // A laptop loads no SDK for this.
  const { kmsSignerOf } = await import('./kms-signer.ts');
  return kmsSignerOf(HPB_SIGNING_KMS_KEY);
}
