import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { HpbError } from '../core/errors.ts';
import type { Signer } from '../core/signer-port.ts';
import type { ReceiptSignature } from '../core/results/receipt.ts';

/**
 * Signs with a private Ed25519 key in a PEM file.
 *
 * @throws HpbError SIGNING_FAILED when the file is no such key.
 */
export async function keySigner(path: string): Promise<Signer> {
  const key = await readKey(path);
  const publicKey = createPublicKey(key);
  return {
    sign: async (message) => ({
      algorithm: 'Ed25519',
      keyId: keyIdOf(publicKey),
      publicKey: pemOf(publicKey),
      signature: sign(null, message, key).toString('base64'),
    }),
  };
}

async function readKey(path: string): Promise<KeyObject> {
  const fault = (why: string, cause?: unknown): HpbError =>
    new HpbError('SIGNING_FAILED', `The key file of HPB_SIGNING_KEY ${why}.`, {
      remedy: 'Make one with `openssl genpkey -algorithm ed25519 -out key.pem`, or unset HPB_SIGNING_KEY.',
      cause,
    });
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw fault('cannot be read', cause);
  });
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (cause) {
    throw fault('holds no private key in PEM form', cause);
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw fault(`holds a key of type ${key.asymmetricKeyType ?? 'unknown'}, not ed25519`);
}

/** SHA-256 of a public key as DER, lower-case hex: the name by which keys are told apart. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** A public key as PEM. */
export const pemOf = (publicKey: KeyObject): string =>
  publicKey.export({ type: 'spki', format: 'pem' }).toString();

/**
 * Whether a signature fits a message.
 *
 * @param trusted Public key, PEM, that it must have been made with; null takes the one that the signature names, which
 * proves only that the receipt was not changed by somebody without that key.
 * @throws HpbError SIGNATURE_INVALID when `trusted` is no public key.
 */
export function signatureFits(
  message: Uint8Array,
  signature: ReceiptSignature,
  trusted: string | null,
): boolean {
  const key = publicKeyOf(trusted ?? signature.publicKey);
  if (key === null) {
    if (trusted === null) return false;
    throw new HpbError('SIGNATURE_INVALID', 'The key to check with is no public key in PEM form.', {
      remedy: 'Give the public key: `openssl pkey -in key.pem -pubout`.',
    });
  }
  if (keyIdOf(key) !== signature.keyId) return false;
  const type = signature.algorithm === 'Ed25519' ? 'ed25519' : 'ec';
  if (key.asymmetricKeyType !== type) return false;
  const digest = signature.algorithm === 'Ed25519' ? null : 'sha256';
  return verify(digest, message, key, Buffer.from(signature.signature, 'base64'));
}

function publicKeyOf(pem: string): KeyObject | null {
  try {
    return createPublicKey(pem);
  } catch {
    return null;
  }
}
